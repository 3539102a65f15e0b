#include "lb/io/service_table.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lb/io/nft_message.h"

namespace hearth::lb {
namespace {

constexpr NftTable kOurs{NFPROTO_IPV4, "hearth"};
constexpr const char* kDispatch = "services";
constexpr const char* kServiceMap = "services";
constexpr const char* kVipSet = "vips";
constexpr const char* kPostrouting = "postrouting";
// The table's comment; changes with its chains and rules, so that an older table is replaced.
constexpr const char* kShape = "hearth-lb services, shape 1";
constexpr unsigned kBaseRules = 4;
constexpr std::uint32_t kDnatDone = 1U << 5;  // IPS_DST_NAT of nf_conntrack_common.h

// nft's numbers of data types, so that it can print our sets.
constexpr std::uint32_t kTypeAddress = 7;
constexpr std::uint32_t kTypeKey = kTypeAddress << 12 | 12U << 6 | 13U;
constexpr std::uint32_t kTypeVerdict = 0xffffff00;  // NFT_DATA_VERDICT

using PortKey = std::array<std::uint8_t, 12>;  // three fields, padded to four octets each

PortKey key_of(const OpenPort& port) noexcept {
    PortKey key{};
    std::memcpy(key.data(), port.vip.bytes().data(), 4);
    key[4] = static_cast<std::uint8_t>(port.transport);
    store_be16(key.data() + 8, port.port);
    return key;
}

// --- rules ------------------------------------------------------------------------------------

constexpr std::uint32_t kChoice = NFT_REG32_00;
constexpr std::uint32_t kAddress = NFT_REG32_04;
constexpr std::uint32_t kPort = NFT_REG32_05;

nftnl_expr* immediate(std::uint32_t reg, ByteView data) {
    nftnl_expr* e = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg);
    nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, data.data(), static_cast<std::uint32_t>(data.size()));
    return e;
}

nftnl_expr* number_of(Balance balance, std::uint32_t modulus) {
    nftnl_expr* e = nftnl_expr_alloc("numgen");
    nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, kChoice);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, modulus);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE,
                       balance == Balance::kRandom ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL);
    return e;
}

nftnl_expr* hash_of(std::uint32_t reg, std::uint32_t modulus) {
    nftnl_expr* e = nftnl_expr_alloc("hash");
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SREG, reg);
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_DREG, kChoice);
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_LEN, 4);
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_MODULUS, modulus);
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SEED, 1);  // the same on every node, after every start
    nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
    return e;
}

// The first rule takes 1 of n connections, the next 1 of the n - 1 left, the last all the rest.
// A hash is the same each time: there rule i takes the i-th of n.
Rule backend_rule(const std::string& chain, const Balancing& balancing, std::uint32_t index) {
    const auto count = static_cast<std::uint32_t>(balancing.backends.size());
    RuleMaker maker(kOurs, chain.c_str());
    if (index + 1 < count && balancing.balance == Balance::kSourceHash) {
        maker.load_payload(NFT_PAYLOAD_NETWORK_HEADER, kIpv4Source, 4, kChoice)
            .add(hash_of(kChoice, count))
            .require(kChoice, index);
    } else if (index + 1 < count) {
        maker.add(number_of(balancing.balance, count - index)).require(kChoice, std::uint32_t{0});
    }
    const Endpoint& backend = balancing.backends[index];
    std::array<std::uint8_t, 2> port{};
    store_be16(port.data(), backend.port);
    nftnl_expr* nat = nftnl_expr_alloc("nat");
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, kAddress);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_PROTO_MIN, kPort);
    return maker.add(immediate(kAddress, backend.address.bytes()))
        .add(immediate(kPort, port))
        .add(nat)
        .take();
}

Rule dispatch_rule() {
    nftnl_expr* lookup = nftnl_expr_alloc("lookup");
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, kServiceMap);
    return RuleMaker(kOurs, kDispatch)
        .load_key(kIpv4Destination, kDestinationPort)
        .add(lookup)
        .take();
}

nftnl_expr* tracked(std::uint32_t key) {
    nftnl_expr* e = nftnl_expr_alloc("ct");
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG32_00);
    return e;
}

Rule masquerade_rule() {
    constexpr std::uint32_t kNone = 0;
    nftnl_expr* mask = nftnl_expr_alloc("bitwise");
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_SREG, NFT_REG32_00);
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_DREG, NFT_REG32_00);
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_LEN, 4);
    nftnl_expr_set(mask, NFTNL_EXPR_BITWISE_MASK, &kDnatDone, 4);
    nftnl_expr_set(mask, NFTNL_EXPR_BITWISE_XOR, &kNone, 4);
    nftnl_expr* original = tracked(NFT_CT_DST_IP);
    nftnl_expr_set_u8(original, NFTNL_EXPR_CT_DIR, 0);  // IP_CT_DIR_ORIGINAL
    return RuleMaker(kOurs, kPostrouting)
        .add(tracked(NFT_CT_STATUS))
        .add(mask)
        .require(NFT_REG32_00, kNone, NFT_CMP_NEQ)
        .add(original)
        .require_member(NFT_REG32_00, kVipSet)
        .add(nftnl_expr_alloc("masq"))
        .take();
}

// --- a transaction ----------------------------------------------------------------------------

struct Hook {
    const char* chain;
    std::uint32_t number;
    std::int32_t priority;
};
// Before Docker's and kube-proxy's: who translates a connection first decides.
constexpr std::array kHooks{
    Hook{"prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST - 10},
    Hook{"output", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST - 10},
    Hook{kPostrouting, NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 10},
};

class Transaction : public NftBatch {
public:
    explicit Transaction(std::uint32_t sequence) : NftBatch(kOurs, sequence) {}

    void operation(const ServiceOperation& one) {
        using Kind = ServiceOperation::Kind;
        switch (one.kind) {
            case Kind::kDeleteTable: delete_table(); break;
            case Kind::kCreateTable: create(); break;
            case Kind::kAddChain: add_chain(one); break;
            case Kind::kRemovePort: port(NFT_MSG_DELSETELEM, 0, one); break;
            case Kind::kAddPort: port(NFT_MSG_NEWSETELEM, NLM_F_CREATE, one); break;
            case Kind::kRemoveChain: remove_chain(one.chain); break;
            case Kind::kRemoveVip: vip(NFT_MSG_DELSETELEM, 0, one); break;
            case Kind::kAddVip: vip(NFT_MSG_NEWSETELEM, NLM_F_CREATE, one); break;
        }
    }

private:
    void create() {
        create_table(kShape);
        set(kServiceMap, kTypeKey, sizeof(PortKey), NFT_SET_MAP);
        set(kVipSet, kTypeAddress, 4, 0);
        chain(kDispatch, nullptr);
        for (const Hook& hook : kHooks) chain(hook.chain, &hook);
        rule(dispatch_rule());
        rule(RuleMaker(kOurs, "prerouting").verdict(NFT_JUMP, kDispatch).take());
        rule(RuleMaker(kOurs, "output").verdict(NFT_JUMP, kDispatch).take());
        rule(masquerade_rule());
    }

    void set(const char* name, std::uint32_t key_type, std::uint32_t key_size,
             std::uint32_t flags) {
        const Set object = make_set(kOurs, name);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, key_type);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, key_size);
        nftnl_set_set_u32(object.get(), NFTNL_SET_ID, ++set_id_);
        if (flags != 0) {
            nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, flags);
            nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, kTypeVerdict);
            nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_LEN, 0);
        }
        nftnl_set_nlmsg_build_payload(begin(NFT_MSG_NEWSET, NLM_F_CREATE), object.get());
        close();
    }

    void chain(const char* name, const Hook* hook) {
        const Chain object = named_chain(name);
        if (hook != nullptr) {
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, hook->number);
            nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, hook->priority);
            nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, "nat");
            nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
        }
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE), object.get());
        close();
    }
    static Chain named_chain(const char* name) {
        Chain object(nftnl_chain_alloc());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_FAMILY, kOurs.family);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, kOurs.name);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name);
        return object;
    }

    void add_chain(const ServiceOperation& one) {
        chain(one.chain.c_str(), nullptr);
        for (std::uint32_t i = 0; i < one.balancing.backends.size(); ++i)
            rule(backend_rule(one.chain, one.balancing, i));
    }
    void remove_chain(const std::string& name) {
        const Rule all = RuleMaker(kOurs, name.c_str()).take();
        nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_DELRULE, 0), all.get());
        close();
        const Chain object = named_chain(name.c_str());
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_DELCHAIN, 0), object.get());
        close();
    }

    void port(std::uint16_t type, std::uint16_t flags, const ServiceOperation& one) {
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        if (type == NFT_MSG_NEWSETELEM) {
            nftnl_set_elem_set_u32(item, NFTNL_SET_ELEM_VERDICT,
                                   static_cast<std::uint32_t>(NFT_GOTO));
            nftnl_set_elem_set_str(item, NFTNL_SET_ELEM_CHAIN, one.chain.c_str());
        }
        element(kServiceMap, type, flags, key_of(one.port), item);
    }
    void vip(std::uint16_t type, std::uint16_t flags, const ServiceOperation& one) {
        element(kVipSet, type, flags, one.port.vip.bytes(), nftnl_set_elem_alloc());
    }
    void element(const char* name, std::uint16_t type, std::uint16_t flags, ByteView key,
                 nftnl_set_elem* item) {
        const Set object = make_set(kOurs, name);
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
    bool stamped = false;
    std::map<std::string, std::size_t> rules;  // by chain
    std::map<OpenPort, std::string> ports;
    std::set<IpAddress> vips;
};

int on_table(const nlmsghdr* message, void* context) {
    const Table table(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return MNL_CB_OK;
    std::uint32_t size = 0;
    const void* data = nftnl_table_get_data(table.get(), NFTNL_TABLE_USERDATA, &size);
    const std::string_view comment(static_cast<const char*>(data), data == nullptr ? 0 : size);
    static_cast<Found*>(context)->stamped = comment.find(kShape) != std::string_view::npos;
    return MNL_CB_OK;
}

int on_rule(const nlmsghdr* message, void* context) {
    const Rule rule(nftnl_rule_alloc());
    if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return MNL_CB_OK;
    const char* chain = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
    if (chain != nullptr) ++static_cast<Found*>(context)->rules[chain];
    return MNL_CB_OK;
}

int keep_element(nftnl_set_elem* element, void* context) {
    auto& found = *static_cast<Found*>(context);
    std::uint32_t size = 0;
    const auto* key =
        static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
    if (key == nullptr) return 0;
    if (size == 4) found.vips.insert(IpAddress::from_bytes({key, 4}));
    if (size != sizeof(PortKey)) return 0;
    const char* chain = nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN);
    found.ports[{IpAddress::from_bytes({key, 4}), static_cast<Transport>(key[4]),
                 load_be16(key + 8)}] = chain == nullptr ? "" : chain;
    return 0;
}

int on_elements(const nlmsghdr* message, void* context) {
    const Set set(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(message, set.get()) >= 0)
        nftnl_set_elem_foreach(set.get(), keep_element, context);
    return MNL_CB_OK;
}

// Every chain holds what its name says, and nothing stands beside them.
bool is_whole(const Found& found) {
    std::size_t rules = 0;
    for (const auto& [chain, count] : found.rules) rules += count;
    std::size_t expected = kBaseRules;
    std::set<IpAddress> vips;
    for (const auto& [port, chain] : found.ports) {
        const auto at = found.rules.find(chain);
        if (at == found.rules.end() || at->second != rules_in(chain)) return false;
        expected += at->second;
        vips.insert(port.vip);
    }
    return found.stamped && rules == expected && vips == found.vips;
}

}  // namespace

struct ServiceTable::Impl {
    explicit Impl(NftSocket open) : socket(std::move(open)) {}

    NftSocket socket;

    Result<void> read_table(Found& found) {
        const Table table = make_table(kOurs);
        auto* message = socket.question(NFT_MSG_GETTABLE, kOurs.family, NLM_F_ACK);
        nftnl_table_nlmsg_build_payload(message, table.get());
        return socket.ask(message, on_table, &found);
    }
    Result<void> read_rules(Found& found) {
        const Rule rule(nftnl_rule_alloc());
        nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, kOurs.family);
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kOurs.name);
        auto* message = socket.question(NFT_MSG_GETRULE, kOurs.family, NLM_F_DUMP);
        nftnl_rule_nlmsg_build_payload(message, rule.get());
        return socket.ask(message, on_rule, &found);
    }
    Result<void> read_set(const char* name, Found& found) {
        const Set set = make_set(kOurs, name);
        auto* message = socket.question(NFT_MSG_GETSETELEM, kOurs.family, NLM_F_DUMP);
        nftnl_set_elems_nlmsg_build_payload(message, set.get());
        return socket.ask(message, on_elements, &found);
    }
};

ServiceTable::ServiceTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServiceTable::~ServiceTable() = default;
ServiceTable::ServiceTable(ServiceTable&&) noexcept = default;
ServiceTable& ServiceTable::operator=(ServiceTable&&) noexcept = default;

Result<ServiceTable> ServiceTable::open() {
    auto socket = NftSocket::open();
    if (!socket) return fail(socket.error());
    return ServiceTable(std::make_unique<Impl>(std::move(*socket)));
}

Result<InstalledServices> ServiceTable::read() {
    InstalledServices installed;
    Found found;
    if (auto done = impl_->read_table(found); !done) {
        if (errno == ENOENT) return installed;
        return fail(done.error());
    }
    installed.shape = InstalledRules::Shape::kDamaged;
    if (auto done = impl_->read_rules(found); !done) return fail(done.error());
    if (!impl_->read_set(kServiceMap, found) || !impl_->read_set(kVipSet, found))
        return installed;  // a set is missing
    if (!is_whole(found)) return installed;
    installed.shape = InstalledRules::Shape::kCurrent;
    installed.chains = std::move(found.ports);
    return installed;
}

Result<void> ServiceTable::commit(std::span<const ServiceOperation> operations) {
    if (operations.empty()) return {};
    Transaction transaction(impl_->socket.sequence());
    for (const auto& operation : operations) transaction.operation(operation);
    return impl_->socket.commit(transaction);
}

}  // namespace hearth::lb
