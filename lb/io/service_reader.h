#pragma once

#include "base/result.h"
#include "lb/core/service_plan.h"
#include "lb/io/service_rules.h"

namespace hearth::lb {

// The table's comment; changes with its chains and rules, so that an older table is replaced.
inline constexpr const char* kServiceShape = "hearth-lb services, shape 2";

// The services' table of one family, as the kernel has it.
[[nodiscard]] Result<InstalledServices> read_services(NftSocket& socket,
                                                      const ServiceFamily& family);

}  // namespace hearth::lb
