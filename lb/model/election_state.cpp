#include "lb/model/election_state.h"

namespace hearth::lb {

std::string_view to_string(ElectionState state) noexcept {
    switch (state) {
        case ElectionState::kInit: return "init";
        case ElectionState::kProbing: return "probing";
        case ElectionState::kBackup: return "backup";
        case ElectionState::kMaster: return "master";
        case ElectionState::kReleasing: return "releasing";
    }
    return "?";
}

std::string_view to_string(ElectionEvent event) noexcept {
    switch (event) {
        case ElectionEvent::kEnabled: return "enabled";
        case ElectionEvent::kDisabled: return "disabled";
        case ElectionEvent::kProbeClear: return "probe_clear";
        case ElectionEvent::kBetterAdvert: return "better_advert";
        case ElectionEvent::kWorseAdvert: return "worse_advert";
        case ElectionEvent::kUnwellAdvert: return "unwell_advert";
        case ElectionEvent::kReleaseAdvert: return "release_advert";
        case ElectionEvent::kMasterVanished: return "master_vanished";
        case ElectionEvent::kMasterDown: return "master_down";
        case ElectionEvent::kPreemptDue: return "preempt_due";
        case ElectionEvent::kAdvertDue: return "advert_due";
        case ElectionEvent::kLeaseLost: return "lease_lost";
        case ElectionEvent::kStop: return "stop";
        case ElectionEvent::kReleaseTimeout: return "release_timeout";
    }
    return "?";
}

}  // namespace hearth::lb
