#include "lb/io/flow_table.h"

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace hearth::lb {
namespace {

using Socket = std::unique_ptr<mnl_socket, decltype([](mnl_socket* s) { mnl_socket_close(s); })>;
using Attributes = std::array<const nlattr*, 32>;

constexpr std::size_t kBuffer = 32'768;

int keep_attribute(const nlattr* attribute, void* into) {
    auto& all = *static_cast<Attributes*>(into);
    const std::uint16_t type = mnl_attr_get_type(attribute);
    if (type < all.size()) all[type] = attribute;
    return MNL_CB_OK;
}

Attributes inside(const nlattr* nest) {
    Attributes all{};
    if (nest != nullptr) mnl_attr_parse_nested(nest, keep_attribute, &all);
    return all;
}

ByteView payload(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
            mnl_attr_get_payload_len(attribute)};
}

enum class Side : std::uint8_t { kSource, kDestination };

// One end of a tuple of `wanted`; none when it is of another protocol.
std::optional<Endpoint> end_of(const nlattr* tuple, Side side, std::uint8_t wanted = IPPROTO_UDP) {
    const Attributes parts = inside(tuple);
    const Attributes ip = inside(parts[CTA_TUPLE_IP]);
    const Attributes protocol = inside(parts[CTA_TUPLE_PROTO]);
    const ByteView number = payload(protocol[CTA_PROTO_NUM]);
    if (number.size() != 1 || number[0] != wanted) return std::nullopt;
    const bool is_source = side == Side::kSource;
    ByteView address = payload(ip[is_source ? CTA_IP_V4_SRC : CTA_IP_V4_DST]);
    if (address.empty()) address = payload(ip[is_source ? CTA_IP_V6_SRC : CTA_IP_V6_DST]);
    const ByteView port = payload(protocol[is_source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT]);
    if ((address.size() != 4 && address.size() != 16) || port.size() != 2) return std::nullopt;
    return Endpoint{IpAddress::from_bytes(address), load_be16(port.data())};
}

// What names an entry: its original tuple and its zone, as the kernel wrote them.
struct FlowName {
    std::vector<std::uint8_t> attributes;
};

void append(FlowName& name, const nlattr* attribute) {
    if (attribute == nullptr) return;
    const auto* octets = reinterpret_cast<const std::uint8_t*>(attribute);
    name.attributes.insert(name.attributes.end(), octets, octets + MNL_ALIGN(attribute->nla_len));
}

struct Search {
    const std::function<bool(const UdpFlow&)>& is_stale;
    std::vector<FlowName> found;
};

int on_flow(const nlmsghdr* message, void* context) {
    auto& search = *static_cast<Search*>(context);
    Attributes parts{};
    mnl_attr_parse(message, sizeof(nfgenmsg), keep_attribute, &parts);
    const auto addressee = end_of(parts[CTA_TUPLE_ORIG], Side::kDestination);
    const auto answerer = end_of(parts[CTA_TUPLE_REPLY], Side::kSource);
    if (!addressee || !answerer || !search.is_stale({*addressee, *answerer})) return MNL_CB_OK;
    FlowName& name = search.found.emplace_back();
    append(name, parts[CTA_TUPLE_ORIG]);
    append(name, parts[CTA_ZONE]);
    return MNL_CB_OK;
}

constexpr std::uint8_t family_number(IpFamily family) noexcept {
    return family == IpFamily::kV4 ? AF_INET : AF_INET6;
}

struct TcpSearch {
    const std::vector<IpAddress>& servers;
    std::vector<TcpFlow> found;
};

int on_tcp_flow(const nlmsghdr* message, void* context) {
    auto& search = *static_cast<TcpSearch*>(context);
    Attributes parts{};
    mnl_attr_parse(message, sizeof(nfgenmsg), keep_attribute, &parts);
    const auto client = end_of(parts[CTA_TUPLE_ORIG], Side::kSource, IPPROTO_TCP);
    const auto server = end_of(parts[CTA_TUPLE_ORIG], Side::kDestination, IPPROTO_TCP);
    if (client && server &&
        std::ranges::find(search.servers, server->address) != search.servers.end())
        search.found.push_back({*client, *server});
    return MNL_CB_OK;
}

}  // namespace

struct FlowTable::Impl {
    explicit Impl(Socket open) : socket(std::move(open)), buffer(kBuffer) {}

    nlmsghdr* question(std::uint8_t type, std::uint16_t flags, IpFamily family) {
        nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
        message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
        message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        message->nlmsg_seq = ++sequence;
        auto* generic =
            static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
        generic->nfgen_family = family_number(family);
        generic->version = NFNETLINK_V0;
        generic->res_id = 0;
        return message;
    }

    Result<void> ask(const nlmsghdr* message, mnl_cb_t each, void* context) {
        if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0)
            return fail(Error::from_errno("conntrack", errno));
        int more = 1;
        while (more > 0) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return fail(Error::from_errno("conntrack", errno));
            more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence,
                              mnl_socket_get_portid(socket.get()), each, context);
        }
        if (more < 0) return fail(Error::from_errno("conntrack", errno));
        return {};
    }

    Socket socket;
    std::vector<char> buffer;
    std::uint32_t sequence = 0;
};

FlowTable::FlowTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FlowTable::~FlowTable() = default;
FlowTable::FlowTable(FlowTable&&) noexcept = default;
FlowTable& FlowTable::operator=(FlowTable&&) noexcept = default;

Result<FlowTable> FlowTable::open() {
    Socket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return fail(Error::from_errno("conntrack", errno));
    return FlowTable(std::make_unique<Impl>(std::move(socket)));
}

Result<std::vector<TcpFlow>> FlowTable::tcp_to(IpFamily family,
                                               const std::vector<IpAddress>& servers) {
    TcpSearch search{servers, {}};
    const nlmsghdr* all = impl_->question(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
    if (auto done = impl_->ask(all, on_tcp_flow, &search); !done) return fail(done.error());
    return std::move(search.found);
}

Result<std::size_t> FlowTable::remove(IpFamily family,
                                      const std::function<bool(const UdpFlow&)>& is_stale) {
    Search search{is_stale, {}};
    const nlmsghdr* all = impl_->question(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
    if (auto done = impl_->ask(all, on_flow, &search); !done) return fail(done.error());
    std::size_t removed = 0;
    for (const FlowName& name : search.found) {
        nlmsghdr* message = impl_->question(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);
        std::memcpy(mnl_nlmsg_get_payload_tail(message), name.attributes.data(),
                    name.attributes.size());
        message->nlmsg_len += static_cast<std::uint32_t>(name.attributes.size());
        const auto done = impl_->ask(message, nullptr, nullptr);
        if (done)
            ++removed;
        else if (errno != ENOENT)  // it ended meanwhile
            return fail(done.error());
    }
    return removed;
}

}  // namespace hearth::lb
