#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"

// What the document says of names: records, zone files, lease files, suffixes that stand for
// others.
namespace hearth::config {

// Records of one type, their data in wire form with names uncompressed.
struct RecordSet {
    std::uint16_t type = 0;
    std::vector<std::vector<std::uint8_t>> data;
};

// The records of a name; it is fully qualified and may begin with "*". A CNAME stands alone.
struct LocalRecord {
    Name name;
    std::vector<IpAddress> addresses;
    std::optional<Name> cname;
    std::vector<RecordSet> others;
    std::optional<std::chrono::seconds> ttl;  // dns.local_ttl when not given
};

// A zone in master file form (RFC 1035 §5).
struct ZoneFile {
    std::string file;
    Name origin;
};

// Names at or under `from` are asked as names at or under `to`; answers carry the asked ones.
struct SuffixRewrite {
    Name from;
    Name to;

    friend bool operator==(const SuffixRewrite&, const SuffixRewrite&) = default;
};

// The zone of a network's reverse names, widened to a whole label: an octet, or a nibble for IPv6.
[[nodiscard]] Name reverse_zone(const IpPrefix& prefix);

}  // namespace hearth::config
