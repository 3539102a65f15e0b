#include "proxy/core/failure_sampler.h"

#include <utility>

namespace hearth::proxy {

std::optional<std::uint64_t> FailureSampler::ask(std::string_view service, HopReason reason,
                                                 TimePoint now) {
    forget_quiet(now);
    Kind& kind = kinds_[{std::string(service), reason}];
    kind.last = now;
    if (kind.told >= kFirst && now - kind.last_told < kThen) {
        ++kind.left_out;
        return std::nullopt;
    }
    ++kind.told;
    kind.last_told = now;
    return std::exchange(kind.left_out, 0);
}

void FailureSampler::forget_quiet(TimePoint now) {
    if (now - looked_ < kThen) return;
    looked_ = now;
    std::erase_if(kinds_, [now](const auto& each) { return now - each.second.last >= kQuiet; });
}

}  // namespace hearth::proxy
