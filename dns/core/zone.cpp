#include "dns/core/zone.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hearth::dns {
namespace {

std::string_view wire_of(const Name& name) noexcept { return as_text(name.wire()); }

// The wire name without its leftmost label; the root stays.
std::string_view parent_of(std::string_view wire) noexcept {
    const auto label = static_cast<unsigned char>(wire[0]);
    return label == 0 ? wire : wire.substr(label + 1U);
}

bool is_root(std::string_view wire) noexcept { return wire.size() == 1; }

}  // namespace

const RecordSet* LocalNode::find(RrType type) const noexcept {
    for (const RecordSet& set : sets)
        if (set.type() == type) return &set;
    return nullptr;
}

std::vector<IpAddress> LocalNode::addresses() const {
    std::vector<IpAddress> addresses;
    for (const RecordSet& set : sets) {
        if (set.type() != RrType::kA && set.type() != RrType::kAaaa) continue;
        set.each(0, [&](ByteView rdata) { addresses.push_back(IpAddress::from_bytes(rdata)); });
    }
    return addresses;
}

void LocalZones::add_zone(const Zone& zone) {
    entries_[std::string(wire_of(zone.apex))].zone = std::make_shared<const Zone>(zone);
}

void LocalZones::drop_zones_under(const Name& apex) {
    for (auto& [wire, entry] : entries_)
        if (entry.zone && entry.zone->apex.is_at_or_under(apex)) entry.zone.reset();
}

LocalNode& LocalZones::node_at(const Name& name) {
    // Everything above exists from now on, up to the zone's apex and harmlessly beyond.
    for (Name above = name.parent(); !above.is_root(); above = above.parent()) {
        auto& node = entries_[std::string(wire_of(above))].node;
        if (node) break;
        node.emplace();
    }
    auto& node = entries_[std::string(wire_of(name))].node;
    if (!node) node.emplace();
    return *node;
}

void LocalZones::add_record(const Name& name, RrType type, ByteView rdata, std::uint32_t ttl) {
    LocalNode& node = node_at(name);
    if (node.cname) return;
    const auto set = std::ranges::find(node.sets, type, &RecordSet::type);
    (set != node.sets.end() ? *set : node.sets.emplace_back(type, ttl)).add(rdata);
}

void LocalZones::add_address(const Name& name, const IpAddress& address, std::uint32_t ttl) {
    add_record(name, address.is_v4() ? RrType::kA : RrType::kAaaa, address.bytes(), ttl);
}

void LocalZones::add_cname(const Name& name, const Name& target, std::uint32_t ttl) {
    LocalNode& node = node_at(name);
    if (!node.empty()) return;
    node.sets.emplace_back(RrType::kCname, ttl).add(target.wire());
    node.cname = std::make_shared<const Name>(target);
}

void LocalZones::add_ptr(const IpAddress& address, const Name& target, std::uint32_t ttl) {
    const auto reverse = Name::parse(address.reverse_name());
    if (!has_records(*reverse)) add_record(*reverse, RrType::kPtr, target.wire(), ttl);
}

const LocalNode* LocalZones::node_of(const Name& name) const noexcept {
    const Entry* found = entry(wire_of(name));
    return found != nullptr && found->node ? &*found->node : nullptr;
}

bool LocalZones::has_records(const Name& name) const noexcept {
    const LocalNode* node = node_of(name);
    return node != nullptr && !node->empty();
}

const LocalZones::Entry* LocalZones::entry(std::string_view wire) const noexcept {
    const auto found = entries_.find(wire);
    return found == entries_.end() ? nullptr : &found->second;
}

const Zone* LocalZones::zone_of(const Name& qname) const noexcept {
    for (auto wire = wire_of(qname);; wire = parent_of(wire)) {
        const Entry* here = entry(wire);
        if (here != nullptr && here->zone) return here->zone.get();
        if (is_root(wire)) return nullptr;
    }
}

LocalMatch LocalZones::find(const Name& qname) const noexcept {
    LocalMatch match;
    const auto whole = wire_of(qname);
    const Entry* exact = entry(whole);
    if (exact != nullptr && exact->node) match.node = &*exact->node;
    match.at_apex = exact != nullptr && exact->zone != nullptr;
    bool encloser_found = match.node != nullptr;
    for (auto wire = whole;; wire = parent_of(wire)) {
        const Entry* here = wire.size() == whole.size() ? exact : entry(wire);
        if (!encloser_found && here != nullptr && here->node) {
            encloser_found = true;
            std::array<char, Name::kMaxWire + 2> wildcard;
            wildcard[0] = 1;
            wildcard[1] = '*';
            std::memcpy(wildcard.data() + 2, wire.data(), wire.size());
            const Entry* star = entry({wildcard.data(), wire.size() + 2});
            if (star != nullptr && star->node) match.node = &*star->node;
        }
        if (here != nullptr && here->zone) {
            match.zone = here->zone.get();
            break;
        }
        if (is_root(wire)) break;
    }
    if (match.node != nullptr && match.node->empty() &&
        (match.zone == nullptr || match.zone->kind != ZoneKind::kAuthoritative))
        match.node = nullptr;
    return match;
}

}  // namespace hearth::dns
