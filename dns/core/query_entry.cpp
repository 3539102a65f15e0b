#include "dns/core/query_entry.h"

#include <algorithm>
#include <array>

namespace hearth::dns {
namespace {

constexpr std::size_t kKeptOfV4 = 3;  // octets: /24
constexpr std::size_t kKeptOfV6 = 7;  // /56, what a provider gives to a home

IpAddress network_of(const IpAddress& address) {
    std::array<std::uint8_t, 16> octets{};
    const auto bytes = address.bytes();
    std::copy_n(bytes.begin(), address.is_v4() ? kKeptOfV4 : kKeptOfV6, octets.begin());
    return IpAddress::from_bytes(ByteView(octets).first(bytes.size()));
}

}  // namespace

void withhold(QueryPrivacy privacy, QueryEntry& entry) {
    if (privacy == QueryPrivacy::kEverything) return;
    if (privacy == QueryPrivacy::kNetworks) {
        if (entry.client) entry.client = network_of(*entry.client);
        return;
    }
    entry.client.reset();
    entry.group.clear();  // may be one person's
    if (privacy == QueryPrivacy::kNames) return;
    entry.name.clear();
    // A rule's text is a name.
    if (entry.matched == VerdictSource::kAllowRule || entry.matched == VerdictSource::kDenyRule)
        entry.by.clear();
}

std::string reversed_name(std::string_view name) {
    std::string out;
    out.reserve(name.size());
    std::size_t end = name.size();
    for (std::size_t at = name.size(); at-- > 0;) {
        if (name[at] != '.') continue;
        // An escaped dot belongs to its label; so does one behind an odd row of backslashes.
        std::size_t slashes = 0;
        while (slashes < at && name[at - 1 - slashes] == '\\') ++slashes;
        if (slashes % 2 != 0) continue;
        out.append(name.substr(at + 1, end - at - 1)).push_back('.');
        end = at;
    }
    return out.append(name.substr(0, end));
}

}  // namespace hearth::dns
