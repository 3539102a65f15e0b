#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::lb {

// RFC 9568 §6.4, with two more: before the first claim and while handing over.
enum class ElectionState : std::uint8_t {
    kInit,       // takes no part: no carrier, no address, or stopped
    kProbing,    // asks the LAN whether somebody uses the VIP already (RFC 5227)
    kBackup,     // another one owns it, or is about to
    kMaster,     // owns it
    kReleasing,  // still answers, until the successor is heard
};

enum class ElectionEvent : std::uint8_t {
    kEnabled,         // the interface is up and has its address
    kDisabled,        // it is not any more
    kProbeClear,      // nobody else uses the VIPs
    kBetterAdvert,    // from a router that should own
    kWorseAdvert,     // from a router that we would beat
    kUnwellAdvert,    // from a Hearth node whose daemons are down, while ours are well
    kReleaseAdvert,   // from the master: priority 0
    kMasterVanished,  // the master's processes are gone, says the peers' connection
    kMasterDown,      // no advertisement for the master-down interval
    kPreemptDue,      // well and better than the master for the whole preempt delay
    kAdvertDue,       // time for the next advertisement
    kLeaseLost,       // no advertisement sent for so long that another may own by now
    kStop,            // hand over and end
    kReleaseTimeout,  // nobody took over from us
};

[[nodiscard]] std::string_view to_string(ElectionState state) noexcept;
[[nodiscard]] std::string_view to_string(ElectionEvent event) noexcept;

}  // namespace hearth::lb
