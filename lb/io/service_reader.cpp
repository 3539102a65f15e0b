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
    const Table table(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return MNL_CB_OK;
    std::uint32_t size = 0;
    const void* data = nftnl_table_get_data(table.get(), NFTNL_TABLE_USERDATA, &size);
    const std::string_view comment(static_cast<const char*>(data), data == nullptr ? 0 : size);
    static_cast<Found*>(context)->stamped = comment.find(kServiceShape) != std::string_view::npos;
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

void keep_slot(Found& found, nftnl_set_elem* element, ByteView key) {
    const std::size_t size = found.family.address_size;
    const ByteView value = field_of(element, NFTNL_SET_ELEM_DATA);
    std::uint32_t slot = 0;
    std::memcpy(&slot, key.data() + size + 8, 4);
    if (value.size() != size + 4 || slot > UINT16_MAX) return;
    Slots& slots = found.services.slots[port_of(key, size)];
    slots.resize(std::max<std::size_t>(slots.size(), slot + 1));
    slots[slot] =
        Endpoint{IpAddress::from_bytes(value.first(size)), load_be16(value.data() + size)};
}

int keep_element(nftnl_set_elem* element, void* context) {
    auto& found = *static_cast<Found*>(context);
    const std::size_t size = found.family.address_size;
    const ByteView key = field_of(element, NFTNL_SET_ELEM_KEY);
    if (key.size() == size) {
        found.services.vips.insert(IpAddress::from_bytes(key));
    } else if (key.size() == size + 8) {
        const char* chain = nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN);
        found.services.ports[port_of(key, size)] = chain == nullptr ? "" : chain;
    } else if (key.size() == size + 12) {
        keep_slot(found, element, key);
    }
    return 0;
}

int on_elements(const nlmsghdr* message, void* context) {
    const Set set(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(message, set.get()) >= 0)
        nftnl_set_elem_foreach(set.get(), keep_element, context);
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

}  // namespace

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

}  // namespace hearth::lb
