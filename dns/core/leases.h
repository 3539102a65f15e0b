#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"

namespace hearth::dns {

// What a DHCP server has lent to a client that told its name.
struct Lease {
    static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

    IpAddress address;
    std::string host;                // one label: lower case letters, digits, inner hyphens
    std::int64_t ends_s = kForever;  // since 1970 in UTC

    friend bool operator==(const Lease&, const Lease&) = default;
};

struct LeaseCounts {
    std::size_t nameless = 0;  // the client told none, or none that may be one
    std::size_t invalid = 0;   // lines that are none of the format

    friend bool operator==(const LeaseCounts&, const LeaseCounts&) = default;
};

enum class LeaseFormat : std::uint8_t { kDnsmasq, kKea, kIsc };

// What wrote the file, as seen from what is in it: dnsmasq's lines, the CSV of Kea's memfile, or
// ISC dhcpd's dhcpd.leases.
[[nodiscard]] LeaseFormat lease_format_of(std::string_view text) noexcept;

struct LeaseFile {
    std::vector<Lease> leases;  // the last word on each address, in the order of the addresses
    LeaseCounts counts;
};

// Reads a whole lease file; never fails: what is not understood is counted. Leases that ended
// are in it.
[[nodiscard]] LeaseFile read_leases(std::string_view text);

// "Anna's iPhone.lan" as a label, "anna-s-iphone"; empty when nothing is left, or when the
// name is one by which programs look for more than a client (RFC 6762, CERT VU#598349: wpad,
// isatap).
[[nodiscard]] std::string lease_host(std::string_view told);

}  // namespace hearth::dns
