#include "lb/io/service_table.h"

#include <array>
#include <cerrno>
#include <string_view>

#include "lb/io/service_reader.h"
#include "lb/io/service_rules.h"

namespace hearth::lb {
namespace {

using Kind = ServiceOperation::Kind;

// Above that a list of operations is cut: a large transaction keeps others waiting.
constexpr std::size_t kTransactionBytes = 256U << 10;
constexpr std::size_t kElementsPerMessage = 24;
constexpr std::uint32_t kMostClients = 65'536;  // remembered at a time

// nft's numbers of data types.
constexpr std::uint32_t kTypeProtocol = 12;
constexpr std::uint32_t kTypeService = 13;
constexpr std::uint32_t kTypeMark = 19;
constexpr std::uint32_t kTypeVerdict = 0xffffff00;  // NFT_DATA_VERDICT

constexpr std::uint32_t concatenated(std::initializer_list<std::uint32_t> types) noexcept {
    std::uint32_t all = 0;
    for (const auto type : types) all = all << 6 | type;
    return all;
}

struct Hook {
    const char* chain;
    std::uint32_t number;
    std::int32_t priority;
};
// Before Docker's and kube-proxy's: who translates a connection first decides.
constexpr std::array kHooks{
    Hook{"prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST - 10},
    Hook{"output", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST - 10},
    Hook{kPostroutingChain, NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 10},
};

class Transaction : public NftBatch {
public:
    Transaction(const ServiceFamily& family, std::uint32_t sequence)
        : NftBatch(family.table, sequence), family_(family) {}

    void operation(const ServiceOperation& one) {
        switch (one.kind) {
            case Kind::kDeleteTable: delete_table(); break;
            case Kind::kCreateTable: create(); break;
            case Kind::kAddChain: add_chain(one.chain); break;
            case Kind::kChangeSlots: change_slots(one); break;
            case Kind::kRemovePort: remove_port(one); break;
            case Kind::kAddPort: add_port(one); break;
            case Kind::kRemoveVip: vip(NFT_MSG_DELSETELEM, one.port.vip); break;
            case Kind::kAddVip: vip(NFT_MSG_NEWSETELEM, one.port.vip); break;
        }
    }
    void remove_chain(const std::string& name) {
        const Rule all = RuleMaker(family_.table, name.c_str()).take();
        nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_DELRULE, 0), all.get());
        close();
        const Chain object = named_chain(name.c_str());
        nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_DELCHAIN, 0), object.get());
        close();
    }

    void forget_client(ByteView key) {
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.data(),
                           static_cast<std::uint32_t>(key.size()));
        single(NFT_MSG_DELSETELEM, kAffinityMap, item);
    }

private:
    void create() {
        create_table(kServiceShape);
        const auto address = family_.address_type;
        const auto size = family_.address_size;
        const Set vips = new_set(kServiceVips, address, size);
        add(vips);
        const Set services =
            new_set(kServiceMap, concatenated({address, kTypeProtocol, kTypeService}), size + 8);
        make_map(services, NFT_SET_MAP, kTypeVerdict, 0);
        add(services);
        const Set backends =
            new_set(kBackendMap, concatenated({address, kTypeProtocol, kTypeService, kTypeMark}),
                    size + 12);
        make_map(backends, NFT_SET_MAP, concatenated({address, kTypeService}), size + 4);
        nftnl_set_add_expr(backends.get(), nftnl_expr_alloc("counter"));
        add(backends);
        const Set affinity =
            new_set(kAffinityMap, concatenated({address, address, kTypeProtocol, kTypeService}),
                    2 * size + 8);
        make_map(affinity, NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL,
                 concatenated({address, kTypeService}), size + 4);
        nftnl_set_set_u32(affinity.get(), NFTNL_SET_DESC_SIZE, kMostClients);
        add(affinity);
        chain(kDispatchChain, nullptr);
        for (const Hook& hook : kHooks) chain(hook.chain, &hook);
        rule(dispatch_rule(family_));
        rule(masquerade_rule(family_));
        for (const Hook& hook : kHooks) {
            if (hook.number == NF_INET_POST_ROUTING) continue;
            rule(RuleMaker(family_.table, hook.chain).verdict(NFT_JUMP, kDispatchChain).take());
        }
    }

    Set new_set(const char* name, std::uint32_t key_type, std::uint32_t key_size) {
        Set object = make_set(family_.table, name);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, key_type);
        nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, key_size);
        nftnl_set_set_u32(object.get(), NFTNL_SET_ID, ++set_id_);
        return object;
    }
    static void make_map(const Set& object, std::uint32_t flags, std::uint32_t type,
                         std::uint32_t size) {
        nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, flags);
        nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, type);
        nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_LEN, size);
    }
    void add(const Set& object) {
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
    [[nodiscard]] Chain named_chain(const char* name) const {
        Chain object(nftnl_chain_alloc());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_FAMILY, family_.table.family);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, family_.table.name);
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name);
        return object;
    }
    void add_chain(const ServiceChain& one) {
        chain(one.name.c_str(), nullptr);
        for (const Rule& each : rules_of(family_, one)) rule(each);
    }

    // An element with another value is removed and added: an element cannot be overwritten.
    void change_slots(const ServiceOperation& one) {
        elements(NFT_MSG_DELSETELEM, one, &SlotChange::before);
        elements(NFT_MSG_NEWSETELEM, one, &SlotChange::after);
    }
    void elements(std::uint16_t type, const ServiceOperation& one,
                  std::optional<Endpoint> SlotChange::*side) {
        Set object;
        std::size_t count = 0;
        for (const SlotChange& change : one.slots) {
            if (!(change.*side)) continue;
            if (!object) object = make_set(family_.table, kBackendMap);
            const FieldBytes key = port_key(one.port).slot(change.slot);
            nftnl_set_elem* item = element(key);
            if (type == NFT_MSG_NEWSETELEM) {
                const FieldBytes value = endpoint_value(*(change.*side));
                nftnl_set_elem_set(item, NFTNL_SET_ELEM_DATA, value.bytes().data(),
                                   static_cast<std::uint32_t>(value.bytes().size()));
            }
            nftnl_set_elem_add(object.get(), item);
            if (++count % kElementsPerMessage == 0) send(type, std::exchange(object, {}));
        }
        if (object) send(type, object);
    }

    void add_port(const ServiceOperation& one) {
        nftnl_set_elem* item = element(port_key(one.port));
        nftnl_set_elem_set_u32(item, NFTNL_SET_ELEM_VERDICT, static_cast<std::uint32_t>(NFT_GOTO));
        nftnl_set_elem_set_str(item, NFTNL_SET_ELEM_CHAIN, one.chain.name.c_str());
        single(NFT_MSG_NEWSETELEM, kServiceMap, item);
    }
    void remove_port(const ServiceOperation& one) {
        single(NFT_MSG_DELSETELEM, kServiceMap, element(port_key(one.port)));
    }
    void vip(std::uint16_t type, const IpAddress& vip) {
        single(type, kServiceVips, element(FieldBytes().address(vip)));
    }

    static nftnl_set_elem* element(const FieldBytes& key) {
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.bytes().data(),
                           static_cast<std::uint32_t>(key.bytes().size()));
        return item;
    }
    void single(std::uint16_t type, const char* name, nftnl_set_elem* item) {
        const Set object = make_set(family_.table, name);
        nftnl_set_elem_add(object.get(), item);
        send(type, object);
    }
    void send(std::uint16_t type, const Set& object) {
        const std::uint16_t flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;
        nftnl_set_elems_nlmsg_build_payload(begin(type, flags), object.get());
        close();
    }

    const ServiceFamily& family_;
    std::uint32_t set_id_ = 0;
};

}  // namespace

struct ServiceTable::Impl {
    Impl(NftSocket open, const ServiceFamily& f) : socket(std::move(open)), family(f) {}

    NftSocket socket;
    const ServiceFamily& family;
};

ServiceTable::ServiceTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServiceTable::~ServiceTable() = default;
ServiceTable::ServiceTable(ServiceTable&&) noexcept = default;
ServiceTable& ServiceTable::operator=(ServiceTable&&) noexcept = default;

Result<ServiceTable> ServiceTable::open(IpFamily family) {
    auto socket = NftSocket::open();
    if (!socket) return fail(socket.error());
    return ServiceTable(std::make_unique<Impl>(std::move(*socket), service_family(family)));
}

std::uint32_t ServiceTable::netlink_port() const noexcept { return impl_->socket.port(); }

Result<InstalledServices> ServiceTable::read() {
    return read_services(impl_->socket, impl_->family);
}

Result<void> ServiceTable::commit(std::span<const ServiceOperation> operations) {
    std::size_t next = 0;
    while (next < operations.size()) {
        Transaction transaction(impl_->family, impl_->socket.sequence());
        OpenPort last;
        for (; next < operations.size(); ++next) {
            const auto& one = operations[next];
            if (transaction.size() > kTransactionBytes && one.port != last) break;
            transaction.operation(one);
            last = one.port;
        }
        if (auto done = impl_->socket.commit(transaction); !done) return done;
    }
    return {};
}

Result<void> ServiceTable::remove_chains(std::span<const std::string> chains) {
    Transaction transaction(impl_->family, impl_->socket.sequence());
    for (const std::string& chain : chains) transaction.remove_chain(chain);
    return impl_->socket.commit(transaction);
}

Result<SlotHits> ServiceTable::hits() { return read_hits(impl_->socket, impl_->family, {}, {}); }

Result<SlotHits> ServiceTable::hits(const OpenPort& port, std::span<const SlotChange> slots) {
    return read_hits(impl_->socket, impl_->family, port, slots);
}

Result<void> ServiceTable::forget_clients(const IsKept& is_kept) {
    const auto clients = read_clients(impl_->socket, impl_->family);
    if (!clients) return fail(clients.error());
    // One by one: what times out meanwhile makes its transaction fail, and no other.
    for (const RememberedClient& client : *clients) {
        if (is_kept(client.port, client.backend)) continue;
        Transaction transaction(impl_->family, impl_->socket.sequence());
        transaction.forget_client(client.key);
        if (auto done = impl_->socket.commit(transaction); !done && errno != ENOENT) return done;
    }
    return {};
}

}  // namespace hearth::lb
