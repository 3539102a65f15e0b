#include "lb/io/nftables.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "lb/io/nft_message.h"

namespace hearth::lb {
namespace {

constexpr const char* kTable = "hearth";
constexpr const char* kInputChain = "input";
constexpr const char* kVipChain = "vip";
// Who sends to a port that a daemon of ours may have, and who sends from one.
constexpr const char* kToChain = "to";
constexpr const char* kFromChain = "from";
// Numbers of open ports, whatever the VIP. Few packets that a node forwards are to or from one:
// what these have in common is looked at first, then here, which is a bit in a map.
constexpr const char* kNumbers = "numbers";
// Begins the table's comment, which changes with its chains and rules, so that an older table is
// replaced.
constexpr const char* kShape = "hearth-lb, shape 8";
constexpr unsigned kVipRules = 13;
constexpr unsigned kPortRules = 7;  // where there are open ports

// nft's numbers of data types, so that it can print our sets.
constexpr std::uint32_t kTypeIpv4 = 7;
constexpr std::uint32_t kTypeIpv6 = 8;
constexpr std::uint32_t kTypeProtocol = 12;
constexpr std::uint32_t kTypeService = 13;

constexpr std::uint32_t port_type(std::uint32_t address_type) {
    return address_type << 12 | kTypeProtocol << 6 | kTypeService;
}

// What is there once for each family.
struct Family {
    IpFamily family;
    std::uint8_t nfproto;
    std::uint8_t icmp;
    std::uint32_t address_type;
    std::uint32_t address_size;
    std::uint32_t source;  // offsets in the network header
    std::uint32_t destination;
    const char* vips;
    const char* ports;
    const char* passing;

    [[nodiscard]] std::uint32_t key_size() const noexcept { return address_size + 8; }
};

constexpr std::array<Family, 2> kFamilies{
    Family{IpFamily::kV4, NFPROTO_IPV4, IPPROTO_ICMP, kTypeIpv4, 4, kIpv4Source, kIpv4Destination,
           "vips", "ports", "passing"},
    Family{IpFamily::kV6, NFPROTO_IPV6, IPPROTO_ICMPV6, kTypeIpv6, 16, 8, 24, "vips6", "ports6",
           "passing6"}};

const Family& family_of(const IpAddress& address) noexcept {
    return kFamilies[address.is_v4() ? 0 : 1];
}

// Three fields, padded to four octets each.
std::vector<std::uint8_t> key_of(const OpenPort& port) {
    const ByteView address = port.vip.bytes();
    std::vector<std::uint8_t> key(address.begin(), address.end());
    key.resize(address.size() + 8);
    key[address.size()] = static_cast<std::uint8_t>(port.transport);
    store_be16(key.data() + address.size() + 4, port.port);
    return key;
}

OpenPort port_of(ByteView key, const Family& family) {
    const std::size_t size = family.address_size;
    return {IpAddress::from_bytes(key.first(size)), static_cast<Transport>(key[size]),
            load_be16(key.data() + size + 4)};
}

// --- rules ------------------------------------------------------------------------------------

constexpr NftTable kOurs{NFPROTO_INET, kTable};
constexpr std::uint32_t kReg = NFT_REG32_00;

RuleMaker rule_in(const char* chain) { return {kOurs, chain}; }

RuleMaker rule_of(const char* chain, const Family& family) {
    RuleMaker maker = rule_in(chain);
    maker.load_meta(NFT_META_NFPROTO, kReg).require<std::uint8_t>(kReg, family.nfproto);
    return maker;
}

Rule vip_rule(const Family& family) {
    return rule_of(kInputChain, family)
        .load_payload(NFT_PAYLOAD_NETWORK_HEADER, family.destination, family.address_size, kReg)
        .require_member(kReg, family.vips)
        .verdict(NFT_JUMP, kVipChain)
        .take();
}

enum class End : std::uint8_t { kSource, kDestination };

// For packets one end of which is in `set`.
RuleMaker port_rule(const char* chain, const Family& family, End end, const char* set) {
    const bool is_source = end == End::kSource;
    const std::uint32_t protocol = kReg + family.address_size / 4;
    RuleMaker maker = rule_of(chain, family);
    maker
        .load_payload(NFT_PAYLOAD_NETWORK_HEADER, is_source ? family.source : family.destination,
                      family.address_size, kReg)
        .load_meta(NFT_META_L4PROTO, protocol)
        .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, is_source ? kSourcePort : kDestinationPort, 2,
                      protocol + 1)
        .require_member(kReg, set);
    return maker;
}

Rule untracked_rule(const char* chain, const Family& family, End end) {
    return port_rule(chain, family, end, family.ports).add(nftnl_expr_alloc("notrack")).take();
}

// Sends packets one end of which may be ours to `next`.
Rule sorting_rule(const char* chain, End end, const char* next, const PortPattern& pattern) {
    const std::uint32_t offset = end == End::kSource ? kSourcePort : kDestinationPort;
    constexpr std::uint32_t kMasked = kReg + 1;
    const std::uint16_t mask = htons(pattern.mask);
    return rule_in(chain)
        .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, kReg)
        .mask(kReg, kMasked, {reinterpret_cast<const std::uint8_t*>(&mask), sizeof mask})
        .require<std::uint16_t>(kMasked, htons(pattern.value))
        .require_member(kReg, kNumbers)
        .verdict(NFT_JUMP, next)
        .take();
}

RuleMaker rule_for_protocol(std::uint8_t protocol) {
    RuleMaker maker = rule_in(kVipChain);
    maker.load_meta(NFT_META_L4PROTO, kReg).require<std::uint8_t>(kReg, protocol);
    return maker;
}

// Every packet that the node forwards passes these, and pays for it.
bool has_ports(const PortPattern& pattern) noexcept { return pattern != PortPattern{}; }

void add_port_rules(std::vector<Rule>& rules, const PortPattern& pattern) {
    rules.push_back(sorting_rule("prerouting", End::kDestination, kToChain, pattern));
    rules.push_back(sorting_rule("output", End::kDestination, kToChain, pattern));
    rules.push_back(sorting_rule("output", End::kSource, kFromChain, pattern));
    for (const Family& family : kFamilies) {
        rules.push_back(untracked_rule(kToChain, family, End::kDestination));
        rules.push_back(untracked_rule(kFromChain, family, End::kSource));
    }
}

std::vector<Rule> make_rules(const PortPattern& pattern) {
    constexpr std::uint8_t kReset = 0x04;
    std::vector<Rule> rules;
    if (has_ports(pattern)) add_port_rules(rules, pattern);
    for (const Family& family : kFamilies) {
        rules.push_back(vip_rule(family));
        for (const End end : {End::kDestination, End::kSource})
            rules.push_back(
                port_rule(kVipChain, family, end, family.ports).verdict(NF_ACCEPT).take());
        rules.push_back(
            port_rule(kVipChain, family, End::kSource, family.passing).verdict(NF_ACCEPT).take());
        rules.push_back(rule_for_protocol(family.icmp).verdict(NF_ACCEPT).take());
    }
    rules.push_back(
        rule_for_protocol(IPPROTO_TCP).require_tcp_flag(kReg, kReset).verdict(NF_ACCEPT).take());
    rules.push_back(rule_for_protocol(IPPROTO_TCP).reject(NFT_REJECT_TCP_RST, 0).take());
    rules.push_back(
        rule_in(kVipChain).reject(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH).take());
    return rules;
}

std::string comment_for(const PortPattern& pattern) {
    return std::string(kShape) + ", ports of " + std::to_string(pattern.value) + " in " +
           std::to_string(pattern.mask);
}

struct Hook {
    const char* chain;
    std::uint32_t number;
    std::int32_t priority;
};
constexpr Hook kVipHook{kInputChain, NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC + 10};
constexpr std::array kPortHooks{
    Hook{"prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
    Hook{"output", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW},
};

// --- a transaction ----------------------------------------------------------------------------

class Transaction : public NftBatch {
public:
    explicit Transaction(std::uint32_t sequence) : NftBatch(kOurs, sequence) {}

    void operation(const NftOperation& operation) {
        switch (operation.kind) {
            case NftOperation::Kind::kDeleteTable: delete_table(); break;
            case NftOperation::Kind::kCreateTable: create(operation.pattern); break;
            case NftOperation::Kind::kRemoveVip: vip(NFT_MSG_DELSETELEM, 0, *operation.vip); break;
            case NftOperation::Kind::kAddVip:
                vip(NFT_MSG_NEWSETELEM, NLM_F_CREATE, *operation.vip);
                break;
            case NftOperation::Kind::kClosePort:
                port(&Family::ports, NFT_MSG_DELSETELEM, 0, *operation.port);
                break;
            case NftOperation::Kind::kOpenPort:
                port(&Family::ports, NFT_MSG_NEWSETELEM, NLM_F_CREATE, *operation.port);
                number(NFT_MSG_NEWSETELEM, NLM_F_CREATE, operation.port->port);
                break;
            case NftOperation::Kind::kForgetNumber:
                number(NFT_MSG_DELSETELEM, 0, operation.port->port);
                break;
            case NftOperation::Kind::kStopPort:
                port(&Family::passing, NFT_MSG_DELSETELEM, 0, *operation.port);
                break;
            case NftOperation::Kind::kPassPort:
                port(&Family::passing, NFT_MSG_NEWSETELEM, NLM_F_CREATE, *operation.port);
                break;
        }
    }

private:
    void create(const PortPattern& pattern) {
        create_table(comment_for(pattern).c_str());
        for (const Family& family : kFamilies) {
            set(family.vips, family.address_type, family.address_size);
            set(family.ports, port_type(family.address_type), family.key_size());
            set(family.passing, port_type(family.address_type), family.key_size());
        }
        set(kNumbers, kTypeService, sizeof OpenPort::port);
        chain(kVipChain, nullptr);
        chain(kVipHook.chain, &kVipHook);
        if (has_ports(pattern)) {
            for (const char* name : {kToChain, kFromChain}) chain(name, nullptr);
            for (const Hook& hook : kPortHooks) chain(hook.chain, &hook);
        }
        for (const auto& each : make_rules(pattern)) rule(each);
    }

    void set(const char* name, std::uint32_t key_type, std::uint32_t key_size) {
        const Set object = make_set(kOurs, name);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, key_type);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, key_size);
        nftnl_set_set_u32(object.get(), NFTNL_SET_ID, ++set_id_);
        nftnl_set_nlmsg_build_payload(begin(NFT_MSG_NEWSET, NLM_F_CREATE), object.get());
        close();
    }

    void chain(const char* name, const Hook* hook) {
        const Chain object(nftnl_chain_alloc());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_FAMILY, NFPROTO_INET);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, kTable);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name);
        if (hook != nullptr) {
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, hook->number);
            nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, hook->priority);
            nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, "filter");
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
        }
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE), object.get());
        close();
    }

    void vip(std::uint16_t type, std::uint16_t flags, const IpAddress& address) {
        element(family_of(address).vips, type, flags, address.bytes());
    }
    void port(const char* Family::*set, std::uint16_t type, std::uint16_t flags,
              const OpenPort& port) {
        element(family_of(port.vip).*set, type, flags, key_of(port));
    }
    // What is added may be there already.
    void number(std::uint16_t type, std::uint16_t flags, std::uint16_t port) {
        std::array<std::uint8_t, sizeof port> key{};
        store_be16(key.data(), port);
        element(kNumbers, type, flags, key);
    }
    void element(const char* name, std::uint16_t type, std::uint16_t flags, ByteView key) {
        const Set object = make_set(kOurs, name);
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.data(),
                           static_cast<std::uint32_t>(key.size()));
        nftnl_set_elem_add(object.get(), item);
        nftnl_set_elems_nlmsg_build_payload(begin(type, flags), object.get());
        close();
    }

    std::uint32_t set_id_ = 0;
};

// --- reading back -----------------------------------------------------------------------------

struct Found {
    std::string comment;
    unsigned rules = 0;
    std::vector<std::vector<std::uint8_t>> keys;
};

int on_table(const nlmsghdr* message, void* context) {
    static_cast<Found*>(context)->comment = comment_of(message);
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
    explicit Impl(NftSocket open) : socket(std::move(open)) {}

    NftSocket socket;

    Result<void> read_table(Found& found) {
        const Table table = make_table(kOurs);
        auto* message = socket.question(NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK);
        nftnl_table_nlmsg_build_payload(message, table.get());
        return socket.ask(message, on_table, &found);
    }

    Result<void> read_rules(Found& found) {
        const Rule rule(nftnl_rule_alloc());
        nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTable);
        auto* message = socket.question(NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP);
        nftnl_rule_nlmsg_build_payload(message, rule.get());
        return socket.ask(message, on_rule, &found);
    }

    Result<Found> read_set(const char* name) {
        Found found;
        const Set set = make_set(kOurs, name);
        auto* message = socket.question(NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP);
        nftnl_set_elems_nlmsg_build_payload(message, set.get());
        if (auto done = socket.ask(message, on_elements, &found); !done) return fail(done.error());
        return found;
    }

    // All that should be there.
    bool has_numbers(const PortRules& rules) {
        const auto found = read_set(kNumbers);
        if (!found) return false;
        std::set<std::uint16_t> numbers;
        for (const auto& key : found->keys)
            if (key.size() == sizeof OpenPort::port) numbers.insert(load_be16(key.data()));
        return std::ranges::all_of(rules.open,
                                   [&](const OpenPort& one) { return numbers.contains(one.port); });
    }
};

Nftables::Nftables(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Nftables::~Nftables() = default;
Nftables::Nftables(Nftables&&) noexcept = default;
Nftables& Nftables::operator=(Nftables&&) noexcept = default;

Result<Nftables> Nftables::open() {
    auto socket = NftSocket::open();
    if (!socket) return fail(socket.error());
    return Nftables(std::make_unique<Impl>(std::move(*socket)));
}

std::uint32_t Nftables::netlink_port() const noexcept { return impl_->socket.port(); }

Result<InstalledRules> Nftables::read() {
    InstalledRules installed;
    Found found;
    if (auto done = impl_->read_table(found); !done) {
        if (errno == ENOENT) return installed;
        return fail(done.error());
    }
    installed.shape = InstalledRules::Shape::kDamaged;
    if (auto done = impl_->read_rules(found); !done) return fail(done.error());
    for (const Family& family : kFamilies) {
        const auto vips = impl_->read_set(family.vips);
        const auto ports = impl_->read_set(family.ports);
        const auto passing = impl_->read_set(family.passing);
        if (!vips || !ports || !passing) return installed;  // a set is missing
        for (const auto& key : vips->keys) installed.rules.vips.insert(IpAddress::from_bytes(key));
        for (const auto& key : ports->keys) {
            if (key.size() != family.key_size()) return installed;
            installed.rules.open.insert(port_of(key, family));
        }
        for (const auto& key : passing->keys) {
            if (key.size() != family.key_size()) return installed;
            installed.rules.passing.insert(port_of(key, family));
        }
    }
    if (!impl_->has_numbers(installed.rules)) return installed;
    const PortPattern pattern = common_pattern(installed.rules.open);
    if (found.rules != kVipRules + (has_ports(pattern) ? kPortRules : 0)) return installed;
    const std::string comment = comment_for(pattern);
    // Followed by libnftnl's zero.
    if (found.comment.find(comment + '\0') == std::string::npos) return installed;
    installed.shape = InstalledRules::Shape::kCurrent;
    return installed;
}

Result<void> Nftables::commit(std::span<const NftOperation> operations) {
    if (operations.empty()) return {};
    Transaction transaction(impl_->socket.sequence());
    for (const auto& operation : operations) transaction.operation(operation);
    return impl_->socket.commit(transaction);
}

}  // namespace hearth::lb
