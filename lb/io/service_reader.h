#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "lb/core/service_plan.h"
#include "lb/io/service_rules.h"
#include "lb/io/service_table.h"

namespace hearth::lb {

// The table's comment; changes with its chains and rules, so that an older table is replaced.
inline constexpr const char* kServiceShape = "hearth-lb services, shape 2";

// One message of the kernel's answers about elements of the table's sets and maps, added to what is
// known. What is not shaped as ours is left out.
void read_elements(const nlmsghdr* message, const ServiceFamily& family, InstalledServices& known);
void read_hits(const nlmsghdr* message, const ServiceFamily& family, SlotHits& known);

// The services' table of one family, as the kernel has it.
[[nodiscard]] Result<InstalledServices> read_services(NftSocket& socket,
                                                      const ServiceFamily& family);

// Of the elements of `slots` that have a `before`; of all when there are none.
[[nodiscard]] Result<SlotHits> read_hits(NftSocket& socket, const ServiceFamily& family,
                                         const OpenPort& port, std::span<const SlotChange> slots);

struct RememberedClient {
    std::vector<std::uint8_t> key;
    OpenPort port;
    Endpoint backend;  // without a port in a range
};
void read_clients(const nlmsghdr* message, const ServiceFamily& family,
                  std::vector<RememberedClient>& known);
[[nodiscard]] Result<std::vector<RememberedClient>> read_clients(NftSocket& socket,
                                                                 const ServiceFamily& family);

}  // namespace hearth::lb
