#include "lb/core/flow_memory.h"

#include <algorithm>

#include "lb/model/address_list.h"

namespace hearth::lb {

void FlowMemory::looked(const std::vector<VipPlace>& places) {
    known_.clear();
    for (const VipPlace& vip : places)
        if (vip.place != VipPlace::Place::kHere) known_.push_back(vip.address);
}

void FlowMemory::moved(const std::vector<VipPlace>& places) {
    std::erase_if(known_, [&](const IpAddress& vip) {
        return contains(places, VipPlace{vip, VipPlace::Place::kHere});
    });
}

bool FlowMemory::is_enough(const std::vector<Redirect>& wanted,
                           const std::vector<Redirect>& led) const {
    using Life = Predecessor::Life;
    return std::ranges::all_of(wanted, [&](const Redirect& next) {
        if (contains(led, next) || next.life == Life::kSilent) return true;
        // Nobody waits for a planned move.
        return next.life == Life::kUnwell && contains(known_, next.vip);
    });
}

}  // namespace hearth::lb
