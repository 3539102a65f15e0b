#include "dns/core/zone_contents.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace hearth::dns {
namespace {

constexpr auto kNsec3 = static_cast<RrType>(50);
constexpr auto kNsec3Param = static_cast<RrType>(51);
constexpr std::size_t kSoaNumbers = 20;  // octets behind the two names of a SOA

bool is_dnssec(RrType type) noexcept {
    return type == RrType::kRrsig || type == RrType::kNsec || type == RrType::kDnskey ||
           type == RrType::kDs || type == kNsec3 || type == kNsec3Param;
}

bool is_delegation(const ZoneRecord& record, const Name& origin) noexcept {
    return record.type == RrType::kNs && record.owner != origin;
}

// The highest delegation at or above `name`, below the origin.
const Name* cut_above(const std::unordered_set<Name>& cuts, const Name& origin, const Name& name) {
    const Name* highest = nullptr;
    for (Name at = name; at != origin && !at.is_root(); at = at.parent())
        if (const auto cut = cuts.find(at); cut != cuts.end()) highest = &*cut;
    return highest;
}

// Those that only questions and messages have (RFC 6895 §3.1), and none at all.
bool is_no_data_type(RrType type) noexcept {
    const auto number = static_cast<unsigned>(type);
    return number == 0 || type == RrType::kOpt || (number >= 128 && number <= 255);
}

// What a record breaks by itself, or nullptr.
const char* fault_of(const ZoneRecord& record, const Name& origin) noexcept {
    if (!record.owner.is_at_or_under(origin)) return "the name lies outside of the zone";
    if (is_no_data_type(record.type)) return "the type is missing, or none that a zone may hold";
    if ((record.type == RrType::kA && record.rdata.size() != 4) ||
        (record.type == RrType::kAaaa && record.rdata.size() != 16))
        return "the data is not an address";
    if (record.type == RrType::kDname)
        return "DNAME is not served here; dns.rewrite maps a suffix to another one";
    if (record.type == RrType::kCname && record.owner == origin)
        return "the zone itself cannot be a CNAME (RFC 1034 §3.6.2)";
    if (record.type != RrType::kSoa) return nullptr;
    if (record.owner != origin) return "a SOA stands at the zone's name only";
    return record.rdata.size() < kSoaNumbers + 2 ? "the SOA is too short" : nullptr;
}

}  // namespace

Result<void> check_zone(const ZoneContents& contents) {
    const auto refuse = [&](const ZoneRecord& record, std::string what) {
        return fail(Errc::kInvalid, contents.file + ":" + std::to_string(record.line),
                    record.owner.to_string() + ": " + std::move(what));
    };
    const ZoneRecord* soa = nullptr;
    std::unordered_map<Name, const ZoneRecord*> aliases;
    for (const ZoneRecord& record : contents.records) {
        if (const char* what = fault_of(record, contents.origin)) return refuse(record, what);
        if (record.type == RrType::kSoa && std::exchange(soa, &record) != nullptr)
            return refuse(record, "the zone has a SOA already");
        if (record.type == RrType::kCname && !aliases.emplace(record.owner, &record).second)
            return refuse(record, "the name has a CNAME already");
    }
    for (const ZoneRecord& record : contents.records)
        if (record.type != RrType::kCname && !is_dnssec(record.type) &&
            aliases.contains(record.owner))
            return refuse(record, "a CNAME stands alone, and this name has one at line " +
                                      std::to_string(aliases.at(record.owner)->line));
    return {};
}

std::size_t add_zone_contents(LocalZones& zones, const ZoneContents& contents) {
    const Name& origin = contents.origin;
    std::unordered_set<Name> cuts;
    std::unordered_set<Name> taken;
    std::set<RrType> taken_at_origin;
    for (const ZoneRecord& record : contents.records) {
        if (is_delegation(record, origin)) cuts.insert(record.owner);
        const LocalNode* node = zones.node_of(record.owner);
        if (node == nullptr || node->empty()) continue;
        if (record.owner != origin) {
            taken.insert(record.owner);
        } else if (node->find(record.type) != nullptr || node->cname) {
            taken_at_origin.insert(record.type);
        }
    }
    for (const Name& cut : cuts) {
        const Zone* zone = zones.zone_of(cut);
        if (zone == nullptr || zone->apex != cut) zones.add_zone({cut, ZoneKind::kForward, 0});
    }
    std::size_t served = 0;
    for (const ZoneRecord& record : contents.records) {
        const bool is_taken = record.owner == origin ? taken_at_origin.contains(record.type)
                                                     : taken.contains(record.owner);
        if (is_taken || is_dnssec(record.type) || cut_above(cuts, origin, record.owner) != nullptr)
            continue;
        if (record.type == RrType::kCname) {
            if (const auto target = Name::from_wire(record.rdata))
                zones.add_cname(record.owner, *target, record.ttl);
        } else {
            zones.add_record(record.owner, record.type, record.rdata, record.ttl);
        }
        ++served;
    }
    return served;
}

}  // namespace hearth::dns
