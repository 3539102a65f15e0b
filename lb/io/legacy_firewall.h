#pragma once

#include <string>

namespace hearth::lb {

// Whether iptables-legacy filters here, which nftables does not show: "3 rules for IPv4, 1 for
// IPv6"; empty when it does not. Its rules are not read. Needs CAP_NET_ADMIN.
[[nodiscard]] std::string legacy_firewall();

}  // namespace hearth::lb
