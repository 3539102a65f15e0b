#pragma once

#include <vector>

#include "base/ip.h"
#include "lb/core/reconciler.h"

namespace hearth::lb {

// Whether the connections to VIPs that this host was last found to have are all that it has. Who
// takes a VIP over must know them, and finding them takes the kernel 10 ms and more: in an
// emergency that is too long, and what was found after the VIP had left is as good. Only those of
// clients that still came here since are not in it, until they are looked for once more when that
// has ceased.
class FlowMemory {
public:
    // They were looked for just now.
    void looked(const std::vector<VipPlace>& places);
    // VIPs came or went.
    void moved(const std::vector<VipPlace>& places);
    // `wanted` is to be led to other nodes, `led` is already.
    [[nodiscard]] bool is_enough(const std::vector<Redirect>& wanted,
                                 const std::vector<Redirect>& led) const;

private:
    std::vector<IpAddress> known_;  // VIPs that were not here since
};

}  // namespace hearth::lb
