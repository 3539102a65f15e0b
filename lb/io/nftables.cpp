#include "lb/io/nftables.h"

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

namespace hearth::lb {
namespace {

constexpr const char* kTable = "hearth";
constexpr const char* kInputChain = "input";
constexpr const char* kVipChain = "vip";
constexpr const char* kVipSet = "vips";
constexpr const char* kPortSet = "ports";
// The table's comment; changes with its chains and rules, so that an older table is replaced.
constexpr const char* kShape = "hearth-lb, shape 1";
constexpr unsigned kRuleCount = 7;
constexpr std::int32_t kPriority = NF_IP_PRI_FILTER - 10;

// nft's numbers of data types, so that it can print our sets.
constexpr std::uint32_t kTypeAddress = 7;
constexpr std::uint32_t kTypeProtocol = 12;
constexpr std::uint32_t kTypeService = 13;
constexpr std::uint32_t kTypePort = kTypeAddress << 12 | kTypeProtocol << 6 | kTypeService;

using PortKey = std::array<std::uint8_t, 12>;  // three fields, padded to four octets each

PortKey key_of(const OpenPort& port) noexcept {
    PortKey key{};
    std::memcpy(key.data(), port.vip.bytes().data(), 4);
    key[4] = static_cast<std::uint8_t>(port.transport);
    store_be16(key.data() + 8, port.port);
    return key;
}

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using Table = std::unique_ptr<nftnl_table, Deleter<nftnl_table_free>>;
using Chain = std::unique_ptr<nftnl_chain, Deleter<nftnl_chain_free>>;
using Rule = std::unique_ptr<nftnl_rule, Deleter<nftnl_rule_free>>;
using Set = std::unique_ptr<nftnl_set, Deleter<nftnl_set_free>>;
using Socket = std::unique_ptr<mnl_socket, Deleter<mnl_socket_close>>;

Table make_table() {
    Table table(nftnl_table_alloc());
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, kTable);
    return table;
}

Set make_set(const char* name) {
    Set set(nftnl_set_alloc());
    nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTable);
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
    return set;
}

// --- rules ------------------------------------------------------------------------------------

constexpr std::uint32_t kIpv4Source = 12;
constexpr std::uint32_t kIpv4Destination = 16;
constexpr std::uint32_t kSourcePort = 0;
constexpr std::uint32_t kDestinationPort = 2;

class RuleMaker {
public:
    explicit RuleMaker(const char* chain) : rule_(nftnl_rule_alloc()) {
        nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
        nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, kTable);
        nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain);
    }

    RuleMaker& load_meta(std::uint32_t key, std::uint32_t reg) {
        nftnl_expr* e = nftnl_expr_alloc("meta");
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
        return add(e);
    }
    RuleMaker& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length,
                            std::uint32_t reg) {
        nftnl_expr* e = nftnl_expr_alloc("payload");
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
        return add(e);
    }
    RuleMaker& load_destination(std::uint32_t reg) {
        return load_payload(NFT_PAYLOAD_NETWORK_HEADER, kIpv4Destination, 4, reg);
    }
    // Address, protocol and port as a key of the port set.
    RuleMaker& require_open(std::uint32_t address_offset, std::uint32_t port_offset) {
        return load_meta(NFT_META_NFPROTO, NFT_REG32_00)
            .require(NFT_REG32_00, NFPROTO_IPV4)
            .load_payload(NFT_PAYLOAD_NETWORK_HEADER, address_offset, 4, NFT_REG32_00)
            .load_meta(NFT_META_L4PROTO, NFT_REG32_01)
            .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, port_offset, 2, NFT_REG32_02)
            .require_member(NFT_REG32_00, kPortSet);
    }
    RuleMaker& require_tcp_flag(std::uint32_t reg, std::uint8_t flag) {
        constexpr std::uint32_t kFlags = 13;
        constexpr std::uint8_t kNone = 0;
        load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kFlags, 1, reg);
        nftnl_expr* e = nftnl_expr_alloc("bitwise");
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, 1);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &flag, 1);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &kNone, 1);
        add(e);
        return require(reg, flag);
    }
    RuleMaker& require(std::uint32_t reg, std::uint8_t value) {
        nftnl_expr* e = nftnl_expr_alloc("cmp");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
        nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, &value, sizeof value);
        return add(e);
    }
    RuleMaker& require_member(std::uint32_t reg, const char* set) {
        nftnl_expr* e = nftnl_expr_alloc("lookup");
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, reg);
        nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
        return add(e);
    }
    RuleMaker& verdict(int verdict, const char* chain = nullptr) {
        nftnl_expr* e = nftnl_expr_alloc("immediate");
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict));
        if (chain != nullptr) nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
        return add(e);
    }
    RuleMaker& reject(std::uint32_t type, std::uint8_t code) {
        nftnl_expr* e = nftnl_expr_alloc("reject");
        nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
        nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
        return add(e);
    }
    Rule take() { return std::move(rule_); }

private:
    RuleMaker& add(nftnl_expr* expression) {
        nftnl_rule_add_expr(rule_.get(), expression);
        return *this;
    }
    Rule rule_;
};

std::array<Rule, kRuleCount> make_rules() {
    constexpr std::uint32_t kReg = NFT_REG32_00;
    constexpr std::uint8_t kReset = 0x04;
    return {RuleMaker(kInputChain)
                .load_meta(NFT_META_NFPROTO, kReg)
                .require(kReg, NFPROTO_IPV4)
                .load_destination(kReg)
                .require_member(kReg, kVipSet)
                .verdict(NFT_JUMP, kVipChain)
                .take(),
            RuleMaker(kVipChain)
                .require_open(kIpv4Destination, kDestinationPort)
                .verdict(NF_ACCEPT)
                .take(),
            RuleMaker(kVipChain).require_open(kIpv4Source, kSourcePort).verdict(NF_ACCEPT).take(),
            RuleMaker(kVipChain)
                .load_meta(NFT_META_L4PROTO, kReg)
                .require(kReg, IPPROTO_TCP)
                .require_tcp_flag(kReg, kReset)
                .verdict(NF_ACCEPT)
                .take(),
            RuleMaker(kVipChain)
                .load_meta(NFT_META_L4PROTO, kReg)
                .require(kReg, IPPROTO_ICMP)
                .verdict(NF_ACCEPT)
                .take(),
            RuleMaker(kVipChain)
                .load_meta(NFT_META_L4PROTO, kReg)
                .require(kReg, IPPROTO_TCP)
                .reject(NFT_REJECT_TCP_RST, 0)
                .take(),
            RuleMaker(kVipChain)
                .reject(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH)
                .take()};
}

// --- a transaction ----------------------------------------------------------------------------

class Transaction {
public:
    explicit Transaction(std::uint32_t sequence) : sequence_(sequence) {
        nftnl_batch_begin(grow(), ++sequence_);
        close();
    }

    void operation(const NftOperation& operation) {
        switch (operation.kind) {
            case NftOperation::Kind::kDeleteTable: table(NFT_MSG_DELTABLE, 0); break;
            case NftOperation::Kind::kCreateTable: create(); break;
            case NftOperation::Kind::kRemoveVip: vip(NFT_MSG_DELSETELEM, 0, *operation.vip); break;
            case NftOperation::Kind::kAddVip:
                vip(NFT_MSG_NEWSETELEM, NLM_F_CREATE, *operation.vip);
                break;
            case NftOperation::Kind::kClosePort:
                port(NFT_MSG_DELSETELEM, 0, *operation.port);
                break;
            case NftOperation::Kind::kOpenPort:
                port(NFT_MSG_NEWSETELEM, NLM_F_CREATE, *operation.port);
                break;
        }
    }

    const std::vector<std::uint8_t>& finish() {
        nftnl_batch_end(grow(), ++sequence_);
        close();
        buffer_.resize(size_);
        return buffer_;
    }
    [[nodiscard]] std::uint32_t sequence() const noexcept { return sequence_; }

private:
    static constexpr std::size_t kMaxMessage = 4096;

    // Room for one more message; close() keeps what it became.
    char* grow() {
        buffer_.resize(size_ + kMaxMessage);
        return reinterpret_cast<char*>(buffer_.data() + size_);
    }
    void close() {
        const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data() + size_);
        size_ += NLMSG_ALIGN(message->nlmsg_len);
    }
    nlmsghdr* begin(std::uint16_t type, std::uint16_t flags) {
        return nftnl_nlmsg_build_hdr(grow(), type, NFPROTO_INET,
                                     static_cast<std::uint16_t>(flags | NLM_F_ACK), ++sequence_);
    }

    void table(std::uint16_t type, std::uint16_t flags) {
        const Table object = make_table();
        if (type == NFT_MSG_NEWTABLE) {
            std::array<std::uint8_t, 64> comment{};
            nftnl_udata_buf* data = nftnl_udata_buf_alloc(comment.size());
            nftnl_udata_put_strz(data, NFTNL_UDATA_TABLE_COMMENT, kShape);
            nftnl_table_set_data(object.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data),
                                 nftnl_udata_buf_len(data));
            nftnl_udata_buf_free(data);
        }
        nftnl_table_nlmsg_build_payload(begin(type, flags), object.get());
        close();
    }

    void create() {
        table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
        set(kVipSet, kTypeAddress, 4);
        set(kPortSet, kTypePort, sizeof(PortKey));
        chain(kVipChain);
        chain(kInputChain);
        for (const auto& rule : make_rules()) {
            nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND),
                                           rule.get());
            close();
        }
    }

    void set(const char* name, std::uint32_t key_type, std::uint32_t key_size) {
        const Set object = make_set(name);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, key_type);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, key_size);
        nftnl_set_set_u32(object.get(), NFTNL_SET_ID, ++set_id_);
        nftnl_set_nlmsg_build_payload(begin(NFT_MSG_NEWSET, NLM_F_CREATE), object.get());
        close();
    }

    void chain(const char* name) {
        const Chain object(nftnl_chain_alloc());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_FAMILY, NFPROTO_INET);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, kTable);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name);
        if (name == kInputChain) {
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_LOCAL_IN);
            nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, kPriority);
            nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, "filter");
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
        }
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE), object.get());
        close();
    }

    void vip(std::uint16_t type, std::uint16_t flags, const IpAddress& address) {
        element(kVipSet, type, flags, address.bytes());
    }
    void port(std::uint16_t type, std::uint16_t flags, const OpenPort& open) {
        element(kPortSet, type, flags, key_of(open));
    }
    void element(const char* name, std::uint16_t type, std::uint16_t flags, ByteView key) {
        const Set object = make_set(name);
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.data(),
                           static_cast<std::uint32_t>(key.size()));
        nftnl_set_elem_add(object.get(), item);
        nftnl_set_elems_nlmsg_build_payload(begin(type, flags), object.get());
        close();
    }

    std::vector<std::uint8_t> buffer_;
    std::size_t size_ = 0;
    std::uint32_t sequence_;
    std::uint32_t set_id_ = 0;
};

// --- reading back -----------------------------------------------------------------------------

struct Found {
    bool stamped = false;
    unsigned rules = 0;
    std::vector<std::vector<std::uint8_t>> keys;
};

int on_table(const nlmsghdr* message, void* context) {
    const Table table(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return MNL_CB_OK;
    std::uint32_t size = 0;
    const void* data = nftnl_table_get_data(table.get(), NFTNL_TABLE_USERDATA, &size);
    const std::string_view comment(static_cast<const char*>(data), data == nullptr ? 0 : size);
    if (comment.find(kShape) != std::string_view::npos)
        static_cast<Found*>(context)->stamped = true;
    return MNL_CB_OK;
}

int on_rule(const nlmsghdr*, void* context) {
    ++static_cast<Found*>(context)->rules;
    return MNL_CB_OK;
}

int on_elements(const nlmsghdr* message, void* context) {
    const Set set(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(message, set.get()) < 0) return MNL_CB_OK;
    const auto keep = [](nftnl_set_elem* element, void* into) {
        std::uint32_t size = 0;
        const auto* key = static_cast<const std::uint8_t*>(
            nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
        if (key != nullptr) static_cast<Found*>(into)->keys.emplace_back(key, key + size);
        return 0;
    };
    nftnl_set_elem_foreach(set.get(), keep, context);
    return MNL_CB_OK;
}

}  // namespace

struct Nftables::Impl {
    Socket socket;
    std::uint32_t sequence = static_cast<std::uint32_t>(std::time(nullptr));
    std::array<char, 32768> buffer{};

    // Sends one question and gives the answers to `each`. The kernel answers while it is asked.
    Result<void> ask(const nlmsghdr* message, mnl_cb_t each, Found& found) {
        if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0)
            return fail(Error::from_errno("nftables", errno));
        int more = 1;
        while (more > 0) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size < 0) return fail(Error::from_errno("nftables", errno));
            more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence,
                              mnl_socket_get_portid(socket.get()), each, &found);
        }
        if (more < 0) return fail(Error::from_errno("nftables", errno));
        return {};
    }

    Result<void> read_table(Found& found) {
        const Table table = make_table();
        auto* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETTABLE, NFPROTO_INET,
                                              NLM_F_ACK, ++sequence);
        nftnl_table_nlmsg_build_payload(message, table.get());
        return ask(message, on_table, found);
    }

    Result<void> read_rules(Found& found) {
        const Rule rule(nftnl_rule_alloc());
        nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTable);
        auto* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, NFPROTO_INET,
                                              NLM_F_DUMP, ++sequence);
        nftnl_rule_nlmsg_build_payload(message, rule.get());
        return ask(message, on_rule, found);
    }

    Result<Found> read_set(const char* name) {
        Found found;
        const Set set = make_set(name);
        auto* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, NFPROTO_INET,
                                              NLM_F_DUMP, ++sequence);
        nftnl_set_elems_nlmsg_build_payload(message, set.get());
        if (auto done = ask(message, on_elements, found); !done) return fail(done.error());
        return found;
    }
};

Nftables::Nftables(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Nftables::~Nftables() = default;
Nftables::Nftables(Nftables&&) noexcept = default;
Nftables& Nftables::operator=(Nftables&&) noexcept = default;

Result<Nftables> Nftables::open() {
    auto impl = std::make_unique<Impl>();
    impl->socket.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!impl->socket || mnl_socket_bind(impl->socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return fail(Error::from_errno("nftables", errno));
    return Nftables(std::move(impl));
}

Result<InstalledRules> Nftables::read() {
    InstalledRules installed;
    Found found;
    if (auto done = impl_->read_table(found); !done) {
        if (errno == ENOENT) return installed;
        return fail(done.error());
    }
    installed.shape = InstalledRules::Shape::kDamaged;
    if (auto done = impl_->read_rules(found); !done) return fail(done.error());
    if (!found.stamped || found.rules != kRuleCount) return installed;
    const auto vips = impl_->read_set(kVipSet);
    const auto ports = impl_->read_set(kPortSet);
    if (!vips || !ports) return installed;  // a set is missing
    for (const auto& key : vips->keys) installed.rules.vips.insert(IpAddress::from_bytes(key));
    for (const auto& key : ports->keys) {
        if (key.size() != sizeof(PortKey)) return installed;
        installed.rules.open.insert({IpAddress::from_bytes(ByteView(key).first(4)),
                                     static_cast<Transport>(key[4]), load_be16(key.data() + 8)});
    }
    installed.shape = InstalledRules::Shape::kCurrent;
    return installed;
}

Result<void> Nftables::commit(std::span<const NftOperation> operations) {
    if (operations.empty()) return {};
    Transaction transaction(impl_->sequence);
    for (const auto& operation : operations) transaction.operation(operation);
    const auto& bytes = transaction.finish();
    impl_->sequence = transaction.sequence();
    mnl_socket* socket = impl_->socket.get();
    if (mnl_socket_sendto(socket, bytes.data(), bytes.size()) < 0)
        return fail(Error::from_errno("nftables", errno));
    // Every answer is queued by now. The first error is the reason; the rest follow from it.
    int first_error = 0;
    while (true) {
        const auto size = recv(mnl_socket_get_fd(socket), impl_->buffer.data(),
                               impl_->buffer.size(), MSG_DONTWAIT);
        if (size <= 0) break;
        const int result = mnl_cb_run(impl_->buffer.data(), static_cast<std::size_t>(size), 0,
                                      mnl_socket_get_portid(socket), nullptr, nullptr);
        if (result < 0 && first_error == 0) first_error = errno;
    }
    if (first_error != 0) return fail(Error::from_errno("nftables", first_error));
    return {};
}

}  // namespace hearth::lb
