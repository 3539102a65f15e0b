#include "lb/io/firewall_reader.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "lb/io/firewall_rules.h"

namespace hearth::lb {
namespace {

namespace fw = firewall;

constexpr std::string_view kOurs = "hearth";

struct SetName {
    std::uint32_t family = 0;
    std::string table;
    std::string name;
    std::uint32_t flags = 0;
};

struct Found {
    std::map<std::pair<std::uint32_t, std::string>, fw::Table> tables;
    std::vector<SetName> sets;
    std::vector<fw::Element> elements;  // of the set that is being read
    fw::Set::Reading reading = fw::Set::Reading::kComplete;
};

std::optional<fw::Table::Family> family_of(std::uint32_t family) noexcept {
    switch (family) {
        case NFPROTO_IPV4: return fw::Table::Family::kIpv4;
        case NFPROTO_IPV6: return fw::Table::Family::kIpv6;
        case NFPROTO_INET: return fw::Table::Family::kBoth;
        default: return std::nullopt;
    }
}

// Null for a table that does not filter IP packets, and for our own.
fw::Table* table_of(Found& found, std::uint32_t family, const char* name) {
    const auto known = family_of(family);
    if (!known || name == nullptr || name == kOurs) return nullptr;
    fw::Table& table = found.tables[{family, name}];
    table.family = *known;
    table.name = name;
    return &table;
}

fw::Hook hook_of(std::uint32_t number) noexcept {
    switch (number) {
        case NF_INET_PRE_ROUTING: return fw::Hook::kPrerouting;
        case NF_INET_LOCAL_IN: return fw::Hook::kInput;
        case NF_INET_FORWARD: return fw::Hook::kForward;
        default: return fw::Hook::kOther;
    }
}

int on_chain(const nlmsghdr* message, void* context) {
    const lb::Chain object(nftnl_chain_alloc());
    if (nftnl_chain_nlmsg_parse(message, object.get()) < 0) return MNL_CB_OK;
    const nftnl_chain* chain = object.get();
    fw::Table* table =
        table_of(*static_cast<Found*>(context), nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY),
                 nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
    const char* name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
    if (table == nullptr || name == nullptr) return MNL_CB_OK;
    fw::Chain& known = table->chains[name];
    const char* type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
    if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) || type == nullptr ||
        std::string_view(type) != "filter")
        return MNL_CB_OK;
    known.hook = hook_of(nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM));
    if (nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP)
        known.policy = fw::Verdict::Kind::kDrop;
    return MNL_CB_OK;
}

int on_rule(const nlmsghdr* message, void* context) {
    const lb::Rule object(nftnl_rule_alloc());
    if (nftnl_rule_nlmsg_parse(message, object.get()) < 0) return MNL_CB_OK;
    fw::Table* table =
        table_of(*static_cast<Found*>(context), nftnl_rule_get_u32(object.get(), NFTNL_RULE_FAMILY),
                 nftnl_rule_get_str(object.get(), NFTNL_RULE_TABLE));
    const char* chain = nftnl_rule_get_str(object.get(), NFTNL_RULE_CHAIN);
    if (table != nullptr && chain != nullptr)
        table->chains[chain].rules.push_back(translate(*object));
    return MNL_CB_OK;
}

int on_set(const nlmsghdr* message, void* context) {
    const lb::Set object(nftnl_set_alloc());
    if (nftnl_set_nlmsg_parse(message, object.get()) < 0) return MNL_CB_OK;
    auto& found = *static_cast<Found*>(context);
    const std::uint32_t family = nftnl_set_get_u32(object.get(), NFTNL_SET_FAMILY);
    const char* table = nftnl_set_get_str(object.get(), NFTNL_SET_TABLE);
    const char* name = nftnl_set_get_str(object.get(), NFTNL_SET_NAME);
    if (table_of(found, family, table) != nullptr && name != nullptr)
        found.sets.push_back(
            {family, table, name, nftnl_set_get_u32(object.get(), NFTNL_SET_FLAGS)});
    return MNL_CB_OK;
}

std::vector<std::uint8_t> field_of(nftnl_set_elem* element, std::uint16_t attribute) {
    std::uint32_t size = 0;
    const auto* data =
        static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, attribute, &size));
    return data == nullptr ? std::vector<std::uint8_t>{}
                           : std::vector<std::uint8_t>(data, data + size);
}

// An end of an interval is kept as an element whose `last` is empty.
int on_element(nftnl_set_elem* element, void* context) {
    auto& found = *static_cast<Found*>(context);
    const std::uint32_t flags = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS)
                                    ? nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS)
                                    : 0;
    fw::Element one;
    one.first = field_of(element, NFTNL_SET_ELEM_KEY);
    const bool has_end = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_KEY_END);
    const bool is_end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
    if (one.first.empty() || has_end) {  // everything else, or several intervals beside each other
        found.reading = fw::Set::Reading::kPartial;
        return 0;
    }
    if (!is_end) one.last = one.first;
    if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_VERDICT))
        one.verdict = translate_verdict(nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_VERDICT),
                                        nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN));
    found.elements.push_back(std::move(one));
    return 0;
}

int on_elements(const nlmsghdr* message, void* context) {
    const lb::Set object(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(message, object.get()) >= 0)
        nftnl_set_elem_foreach(object.get(), on_element, context);
    return MNL_CB_OK;
}

void subtract_one(std::vector<std::uint8_t>& number) {
    for (std::size_t i = number.size(); i-- > 0;)
        if (number[i]-- != 0) return;
}

// Beginnings and ends in ascending order: each interval reaches to the octets before what follows.
void join_intervals(std::vector<fw::Element>& elements) {
    std::ranges::stable_sort(elements, [](const fw::Element& a, const fw::Element& b) {
        return a.first != b.first ? a.first < b.first : a.last.empty() && !b.last.empty();
    });
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (elements[i].last.empty()) continue;
        if (i + 1 == elements.size()) {
            elements[i].last.assign(elements[i].first.size(), 0xff);
        } else {
            elements[i].last = elements[i + 1].first;
            subtract_one(elements[i].last);
        }
    }
    std::erase_if(elements, [](const fw::Element& one) { return one.last.empty(); });
}

}  // namespace

struct FirewallReader::Impl {
    explicit Impl(NftSocket s) : socket(std::move(s)) {}

    Result<void> dump(std::uint16_t type, mnl_cb_t each) {
        return socket.ask(socket.question(type, NFPROTO_UNSPEC, NLM_F_DUMP), each, &found);
    }

    Result<void> read_set(const SetName& name) {
        found.elements.clear();
        found.reading = fw::Set::Reading::kComplete;
        const lb::Set object = make_set({name.family, name.table.c_str()}, name.name.c_str());
        auto* message = socket.question(NFT_MSG_GETSETELEM, name.family, NLM_F_DUMP);
        nftnl_set_elems_nlmsg_build_payload(message, object.get());
        if (auto done = socket.ask(message, on_elements, &found); !done) return done;
        if ((name.flags & NFT_SET_INTERVAL) != 0) join_intervals(found.elements);
        found.tables.at({name.family, name.table}).sets[name.name] = {std::move(found.elements),
                                                                      found.reading};
        return {};
    }

    NftSocket socket;
    Found found;
};

FirewallReader::FirewallReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FirewallReader::~FirewallReader() = default;
FirewallReader::FirewallReader(FirewallReader&&) noexcept = default;
FirewallReader& FirewallReader::operator=(FirewallReader&&) noexcept = default;

Result<FirewallReader> FirewallReader::open() {
    auto socket = NftSocket::open();
    if (!socket) return fail(socket.error());
    return FirewallReader(std::make_unique<Impl>(std::move(*socket)));
}

Result<std::vector<fw::Table>> FirewallReader::read() {
    impl_->found = {};
    for (const auto& [type, each] : {std::pair<std::uint16_t, mnl_cb_t>{NFT_MSG_GETCHAIN, on_chain},
                                     {NFT_MSG_GETRULE, on_rule},
                                     {NFT_MSG_GETSET, on_set}})
        if (auto done = impl_->dump(type, each); !done) return fail(done.error());
    for (const SetName& name : impl_->found.sets)
        if (auto done = impl_->read_set(name); !done) return fail(done.error());
    std::vector<fw::Table> tables;
    for (auto& [name, table] : impl_->found.tables) tables.push_back(std::move(table));
    return tables;
}

}  // namespace hearth::lb
