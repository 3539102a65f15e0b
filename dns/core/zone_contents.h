#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/name.h"
#include "base/result.h"
#include "dns/core/zone.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

struct ZoneRecord {
    Name owner;
    RrType type{};
    std::uint32_t ttl = 0;
    std::vector<std::uint8_t> rdata;  // names uncompressed
    std::uint32_t line = 0;           // of the file, for messages

    friend bool operator==(const ZoneRecord&, const ZoneRecord&) = default;
};

// A zone as its file has it.
struct ZoneContents {
    Name origin;
    std::string file;  // for messages
    std::vector<ZoneRecord> records;
};

// What a zone must not hold: names outside of it, CNAME beside other data (RFC 2181 §10.1), DNAME,
// more than one SOA or one that is not at the origin. The error names file and line.
[[nodiscard]] Result<void> check_zone(const ZoneContents& contents);

// Puts a zone that was found good among the names of the house. Names that are there already stay
// as they are, except for the origin itself, which takes the types it has not. Delegations leave
// the zone: names at and below them go to the upstreams unless a zone is there already. DNSSEC's
// own records are left away: nothing here is signed. The number of records served.
std::size_t add_zone_contents(LocalZones& zones, const ZoneContents& contents);

}  // namespace hearth::dns
