#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/assigned_address.h"
#include "config/document.h"
#include "dns/core/client_names.h"
#include "dns/core/leases.h"
#include "dns/core/zone.h"
#include "dns/core/zone_contents.h"

namespace hearth::dns {

// What the files that a document names hold of names.
struct NameFiles {
    std::vector<std::shared_ptr<const ZoneContents>> zones;
    std::vector<Lease> leases;
    LeaseCounts lease_counts;
    // Where hearth-lb writes which VIPs got which addresses from pools, and what it wrote.
    std::string assigned_file;
    std::vector<AssignedAddress> assigned;
    std::vector<std::string> zone_faults;   // "file:line: …"
    std::vector<std::string> lease_faults;  // files that could not be read
};

// Reads them all. A zone that cannot be read stays as it was in `before`, and so do assigned
// addresses, whose file is that of `before`. Blocks.
[[nodiscard]] NameFiles read_name_files(const config::Document& document, const NameFiles& before);
[[nodiscard]] std::vector<std::string> watched_files(const config::Document& document,
                                                     const NameFiles& files);

// All names of the house: special names, the document's, then those of zone files and leases where
// the document has not used the name.
struct HouseNames {
    std::shared_ptr<const LocalZones> zones;
    std::shared_ptr<const ClientNames> clients;
    std::int64_t next_end_s = Lease::kForever;  // when the first of the leases in use ends
    std::size_t leases = 0;                     // that are in use
};
[[nodiscard]] HouseNames build_house_names(const config::Document& document, const NameFiles& files,
                                           std::int64_t wall_s);

}  // namespace hearth::dns
