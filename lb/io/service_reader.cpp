#include "lb/io/service_reader.h"

#include <cerrno>
#include <string_view>

namespace hearth::lb {
namespace {

constexpr unsigned kBaseRules = 4;

struct Found {
    explicit Found(const ServiceFamily& f) : family(f) {}

    const ServiceFamily& family;
    bool stamped = false;
    std::map<std::string, std::size_t> rules;  // by chain
    InstalledServices services;
};

int on_table(const nlmsghdr* message, void* context) {
    static_cast<Found*>(context)->stamped =
        comment_of(message).find(kServiceShape) != std::string::npos;
    return MNL_CB_OK;
}

int on_rule(const nlmsghdr* message, void* context) {
    const Rule rule(nftnl_rule_alloc());
    if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return MNL_CB_OK;
    const char* chain = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
    if (chain != nullptr) ++static_cast<Found*>(context)->rules[chain];
    return MNL_CB_OK;
}

ByteView field_of(nftnl_set_elem* element, std::uint16_t attribute) {
    std::uint32_t size = 0;
    const auto* data =
        static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, attribute, &size));
    return {data, data == nullptr ? 0 : size};
}

OpenPort port_of(ByteView key, std::size_t address_size) {
    return {IpAddress::from_bytes(key.first(address_size)),
            static_cast<Transport>(key[address_size]), load_be16(key.data() + address_size + 4)};
}

// What elements are added to.
template <class Known>
struct Into {
    const ServiceFamily& family;
    Known& known;
};

// The elements of one message, if it is of nftables.
template <class Known>
void each_element(const nlmsghdr* message, Into<Known> into, int (*keep)(nftnl_set_elem*, void*)) {
    const Set set(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(message, set.get()) >= 0)
        nftnl_set_elem_foreach(set.get(), keep, &into);
}

void keep_slot(Into<InstalledServices>& into, nftnl_set_elem* element, ByteView key) {
    const std::size_t size = into.family.address_size;
    const ByteView value = field_of(element, NFTNL_SET_ELEM_DATA);
    std::uint32_t slot = 0;
    std::memcpy(&slot, key.data() + size + 8, 4);
    if (value.size() != size + 4 || slot > UINT16_MAX) return;
    Slots& slots = into.known.slots[port_of(key, size)];
    slots.resize(std::max<std::size_t>(slots.size(), slot + 1));
    slots[slot] =
        Endpoint{IpAddress::from_bytes(value.first(size)), load_be16(value.data() + size)};
}

int keep_element(nftnl_set_elem* element, void* context) {
    auto& into = *static_cast<Into<InstalledServices>*>(context);
    const std::size_t size = into.family.address_size;
    const ByteView key = field_of(element, NFTNL_SET_ELEM_KEY);
    if (key.size() == size) {
        into.known.vips.insert(IpAddress::from_bytes(key));
    } else if (key.size() == size + 8) {
        const char* chain = nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN);
        into.known.ports[port_of(key, size)] = chain == nullptr ? "" : chain;
    } else if (key.size() == size + 12) {
        keep_slot(into, element, key);
    }
    return 0;
}

int on_elements(const nlmsghdr* message, void* context) {
    auto& found = *static_cast<Found*>(context);
    read_elements(message, found.family, found.services);
    return MNL_CB_OK;
}

class Reader {
public:
    Reader(NftSocket& socket, const ServiceFamily& family)
        : socket_(socket), family_(family), found(family) {}

    Result<void> table() {
        const Table object = make_table(family_.table);
        auto* message = socket_.question(NFT_MSG_GETTABLE, family_.table.family, NLM_F_ACK);
        nftnl_table_nlmsg_build_payload(message, object.get());
        return socket_.ask(message, on_table, &found);
    }
    Result<void> rules() {
        const Rule object(nftnl_rule_alloc());
        nftnl_rule_set_u32(object.get(), NFTNL_RULE_FAMILY, family_.table.family);
        nftnl_rule_set_str(object.get(), NFTNL_RULE_TABLE, family_.table.name);
        auto* message = socket_.question(NFT_MSG_GETRULE, family_.table.family, NLM_F_DUMP);
        nftnl_rule_nlmsg_build_payload(message, object.get());
        return socket_.ask(message, on_rule, &found);
    }
    Result<void> set(const char* name) {
        const Set object = make_set(family_.table, name);
        auto* message = socket_.question(NFT_MSG_GETSETELEM, family_.table.family, NLM_F_DUMP);
        nftnl_set_elems_nlmsg_build_payload(message, object.get());
        return socket_.ask(message, on_elements, &found);
    }

    // Every chain holds what its name says, and nothing stands beside them.
    [[nodiscard]] bool is_whole() {
        std::size_t base = 0;
        for (const auto& [chain, count] : found.rules) {
            const std::size_t expected = rules_in(chain);
            if (expected == 0)
                base += count;
            else if (count == expected)
                found.services.chains.insert(chain);
            else
                return false;
        }
        for (const auto& [port, chain] : found.services.ports)
            if (!found.services.chains.contains(chain)) return false;
        return found.stamped && base == kBaseRules;
    }

private:
    NftSocket& socket_;
    const ServiceFamily& family_;

public:
    Found found;
};

struct FoundHits {
    const ServiceFamily& family;
    SlotHits hits;
};

int keep_hits(nftnl_set_elem* element, void* context) {
    auto& into = *static_cast<Into<SlotHits>*>(context);
    const std::size_t size = into.family.address_size;
    const ByteView key = field_of(element, NFTNL_SET_ELEM_KEY);
    std::uint32_t unused = 0;
    const auto* counter =
        static_cast<const nftnl_expr*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_EXPR, &unused));
    if (key.size() != size + 12 || counter == nullptr) return 0;
    std::uint32_t slot = 0;
    std::memcpy(&slot, key.data() + size + 8, 4);
    into.known[port_of(key, size)][slot] = nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_PACKETS);
    return 0;
}

int on_hits(const nlmsghdr* message, void* context) {
    auto& found = *static_cast<FoundHits*>(context);
    read_hits(message, found.family, found.hits);
    return MNL_CB_OK;
}

struct FoundClients {
    const ServiceFamily& family;
    std::vector<RememberedClient> clients;
};

int keep_client(nftnl_set_elem* element, void* context) {
    auto& into = *static_cast<Into<std::vector<RememberedClient>>*>(context);
    const std::size_t size = into.family.address_size;
    const ByteView key = field_of(element, NFTNL_SET_ELEM_KEY);
    const ByteView value = field_of(element, NFTNL_SET_ELEM_DATA);
    if (key.size() != 2 * size + 8 || value.size() != size + 4) return 0;
    into.known.push_back(
        {{key.begin(), key.end()},
         port_of(key.subspan(size), size),
         {IpAddress::from_bytes(value.first(size)), load_be16(value.data() + size)}});
    return 0;
}

int on_clients(const nlmsghdr* message, void* context) {
    auto& found = *static_cast<FoundClients*>(context);
    read_clients(message, found.family, found.clients);
    return MNL_CB_OK;
}

}  // namespace

void read_elements(const nlmsghdr* message, const ServiceFamily& family, InstalledServices& known) {
    each_element(message, Into<InstalledServices>{family, known}, keep_element);
}

void read_hits(const nlmsghdr* message, const ServiceFamily& family, SlotHits& known) {
    each_element(message, Into<SlotHits>{family, known}, keep_hits);
}

void read_clients(const nlmsghdr* message, const ServiceFamily& family,
                  std::vector<RememberedClient>& known) {
    each_element(message, Into<std::vector<RememberedClient>>{family, known}, keep_client);
}

Result<InstalledServices> read_services(NftSocket& socket, const ServiceFamily& family) {
    Reader reader(socket, family);
    if (auto done = reader.table(); !done) {
        if (errno == ENOENT) return InstalledServices{};
        return fail(done.error());
    }
    InstalledServices damaged;
    damaged.shape = InstalledRules::Shape::kDamaged;
    if (auto done = reader.rules(); !done) return fail(done.error());
    for (const char* set : {kServiceMap, kBackendMap, kServiceVips})
        if (!reader.set(set)) return damaged;  // it is missing
    if (!reader.is_whole()) return damaged;
    reader.found.services.shape = InstalledRules::Shape::kCurrent;
    return std::move(reader.found.services);
}

Result<SlotHits> read_hits(NftSocket& socket, const ServiceFamily& family, const OpenPort& port,
                           std::span<const SlotChange> slots) {
    FoundHits found{family, {}};
    const auto ask = [&](const Set& elements, std::uint16_t flags) -> Result<void> {
        auto* message = socket.question(NFT_MSG_GETSETELEM, family.table.family, flags);
        nftnl_set_elems_nlmsg_build_payload(message, elements.get());
        return socket.ask(message, on_hits, &found);
    };
    if (slots.empty()) {
        if (auto done = ask(make_set(family.table, kBackendMap), NLM_F_DUMP); !done)
            return fail(done.error());
        return std::move(found.hits);
    }
    for (const SlotChange& change : slots) {
        if (!change.before) continue;
        const Set one = make_set(family.table, kBackendMap);
        const FieldBytes key = port_key(port).slot(change.slot);
        nftnl_set_elem* item = nftnl_set_elem_alloc();
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, key.bytes().data(),
                           static_cast<std::uint32_t>(key.bytes().size()));
        nftnl_set_elem_add(one.get(), item);
        if (auto done = ask(one, NLM_F_ACK); !done) return fail(done.error());
    }
    return std::move(found.hits);
}

Result<std::vector<RememberedClient>> read_clients(NftSocket& socket, const ServiceFamily& family) {
    FoundClients found{family, {}};
    const Set map = make_set(family.table, kAffinityMap);
    auto* message = socket.question(NFT_MSG_GETSETELEM, family.table.family, NLM_F_DUMP);
    nftnl_set_elems_nlmsg_build_payload(message, map.get());
    if (auto done = socket.ask(message, on_clients, &found); !done) return fail(done.error());
    return std::move(found.clients);
}

}  // namespace hearth::lb
