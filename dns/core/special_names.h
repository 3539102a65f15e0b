#pragma once

#include "dns/core/zone.h"

namespace hearth::dns {

// Adds the names that must never leave the house, with the answer their RFC wants: RFC 6761
// (localhost, test, invalid), 7686 (onion), 8375 (home.arpa), 9665 (service.arpa), 6762 (local),
// 9476 (alt), 6303 and 7793 (reverse zones of private and reserved addresses), 9462
// (resolver.arpa), the TLD `internal` (ICANN 2024), and the canaries by which Firefox and iCloud
// Private Relay ask whether to pass by the network's resolver. The document's own zones are added
// afterwards and win.
void add_special_names(LocalZones& zones);

// The DS of home.arpa is asked outside even where the domain is home.arpa: it is the proof that
// nothing below is signed (RFC 8375 §4 (4)).
[[nodiscard]] bool belongs_to_the_parent(const Name& name, RrType type) noexcept;

}  // namespace hearth::dns
