#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/name.h"
#include "dns/core/record_set.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// What is known of one name. A node without anything is an empty non-terminal: the name
// exists because there is something below it (RFC 8020).
struct LocalNode {
    std::vector<RecordSet> sets;        // one of each type; with a CNAME that one alone
    std::shared_ptr<const Name> cname;  // its target

    [[nodiscard]] bool empty() const noexcept { return sets.empty(); }
    // Null when there are none of the type.
    [[nodiscard]] const RecordSet* find(RrType type) const noexcept;
    // Those of A and AAAA, for people and tests.
    [[nodiscard]] std::vector<IpAddress> addresses() const;
};

// What happens to names at or under a zone's apex that have no node of ours.
enum class ZoneKind : std::uint8_t {
    kAuthoritative,  // NXDOMAIN: we know all of it
    kForward,        // asked of the upstream group `group`
    kNxDomain,       // a special-use name (RFC 6761 and others)
    kNoData,         // the same, but the name exists: resolver.arpa (RFC 9462)
    kLoopback,       // localhost (RFC 6761 §6.3)
    kOrdinary,       // below a special name, but asked like any other
    kCanary,  // NXDOMAIN that tells a device to use its network's resolver; an allow rule lifts it
};

struct Zone {
    Name apex;
    ZoneKind kind = ZoneKind::kAuthoritative;
    std::uint32_t group = 0;                    // with kForward
    std::shared_ptr<const Name> asked_as = {};  // with kForward: names below are asked below it
};

// What the zones know about a question's name. Pointers live as long as the LocalZones.
struct LocalMatch {
    const Zone* zone = nullptr;       // the closest one; null: not ours at all
    const LocalNode* node = nullptr;  // the name's own, or its wildcard's; null: none
    bool at_apex = false;
};

// The document's names, the forward zones and the special-use names, all in one table that
// is asked label by label. Built once, immutable afterwards, read from any thread.
class LocalZones {
public:
    // Later calls for the same apex replace earlier ones: special names first, then the document's.
    void add_zone(const Zone& zone);
    // Those at `apex` and below it; their records stay.
    void drop_zones_under(const Name& apex);
    // It exists, if only without records.
    void add_name(const Name& name) { static_cast<void>(node_at(name)); }
    // A record of any type but CNAME. A name that has a CNAME takes nothing else (RFC 2181 §10.1);
    // the TTL of the first record of a type is that of them all.
    void add_record(const Name& name, RrType type, ByteView rdata,
                    std::uint32_t ttl = RecordSet::kHouseTtl);
    void add_address(const Name& name, const IpAddress& address,
                     std::uint32_t ttl = RecordSet::kHouseTtl);
    // Ignored when the name has records already.
    void add_cname(const Name& name, const Name& target, std::uint32_t ttl = RecordSet::kHouseTtl);
    // Ignored when the name has a PTR already: the first name given is the canonical one.
    void add_ptr(const IpAddress& address, const Name& target,
                 std::uint32_t ttl = RecordSet::kHouseTtl);
    [[nodiscard]] bool has_records(const Name& name) const noexcept;

    // The node of the name itself, else the wildcard's at its closest encloser (RFC 4592 §3.3.1).
    // Empty non-terminals count as nodes only where we are the authority.
    [[nodiscard]] LocalMatch find(const Name& qname) const noexcept;
    // The name's own node only; null: the name is not here.
    [[nodiscard]] const LocalNode* node_of(const Name& name) const noexcept;
    [[nodiscard]] const Zone* zone_of(const Name& qname) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        std::shared_ptr<const Zone> zone;  // apart: few names have one
        std::optional<LocalNode> node;
    };
    struct WireHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view wire) const noexcept {
            return std::hash<std::string_view>{}(wire);
        }
    };
    using Table = std::unordered_map<std::string, Entry, WireHash, std::equal_to<>>;

    LocalNode& node_at(const Name& name);
    [[nodiscard]] const Entry* entry(std::string_view wire) const noexcept;

    Table entries_;  // by lower-cased wire name
};

}  // namespace hearth::dns
