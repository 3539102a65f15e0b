#include "lb/io/flow_table.h"

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace hearth::lb {
namespace {

using Socket = std::unique_ptr<mnl_socket, decltype([](mnl_socket* s) { mnl_socket_close(s); })>;
constexpr std::size_t kBuffer = 32'768;

struct Search {
    const std::function<bool(const UdpFlow&)>& is_stale;
    std::vector<std::vector<std::uint8_t>> names;
};

int on_flow(const nlmsghdr* message, void* context) {
    auto& search = *static_cast<Search*>(context);
    auto flow = parse_tracked_flow(message);
    if (flow && flow->protocol == FlowProtocol::kUdp &&
        search.is_stale({flow->addressee, flow->answerer}))
        search.names.push_back(std::move(flow->name));
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
    const auto flow = parse_tracked_flow(message);
    if (flow && flow->protocol == FlowProtocol::kTcp &&
        std::ranges::find(search.servers, flow->addressee.address) != search.servers.end())
        search.found.push_back({flow->client, flow->addressee});
    return MNL_CB_OK;
}

int on_count(const nlmsghdr* message, void* context) {
    if (const auto count = parse_flow_count(message)) *static_cast<FlowCount*>(context) = *count;
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
    for (const auto& name : search.names) {
        nlmsghdr* message = impl_->question(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);
        std::memcpy(mnl_nlmsg_get_payload_tail(message), name.data(), name.size());
        message->nlmsg_len += static_cast<std::uint32_t>(name.size());
        const auto done = impl_->ask(message, nullptr, nullptr);
        if (done)
            ++removed;
        else if (errno != ENOENT)  // it ended meanwhile
            return fail(done.error());
    }
    return removed;
}

Result<FlowCount> FlowTable::count() {
    FlowCount count;
    const nlmsghdr* question = impl_->question(IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, IpFamily::kV4);
    if (auto done = impl_->ask(question, on_count, &count); !done) return fail(done.error());
    return count;
}

}  // namespace hearth::lb
