#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "proxy/model/hop_error.h"

namespace hearth::proxy {

// Which failures are told one by one: of each kind (a service and a reason) the first few, then one
// now and then, with how many were left out. A kind that was quiet for a minute is new again.
class FailureSampler {
public:
    static constexpr unsigned kFirst = 5;
    static constexpr Duration kThen = 10s;
    static constexpr Duration kQuiet = 60s;

    // How many of its kind were left out before this one; nothing: it is left out as well.
    [[nodiscard]] std::optional<std::uint64_t> ask(std::string_view service, HopReason reason,
                                                   TimePoint now);

private:
    struct Kind {
        unsigned told = 0;
        std::uint64_t left_out = 0;
        TimePoint last_told{};
        TimePoint last{};
    };

    void forget_quiet(TimePoint now);

    std::map<std::pair<std::string, HopReason>, Kind> kinds_;
    TimePoint looked_{};
};

}  // namespace hearth::proxy
