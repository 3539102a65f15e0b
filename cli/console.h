#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace hearth::cli {

// What a command ends with; scripts rely on these.
enum class Exit : int {
    kOk = 0,
    kFinding = 1,      // an answer, and not the one hoped for: blocked, degraded, failing
    kUsage = 2,        // the command line was not understood
    kInvalid = 3,      // the document is not good
    kUnreachable = 4,  // a daemon does not run or does not answer
    kRefused = 5,      // no permission
};

enum class Ink : std::uint8_t { kPlain, kGood, kWarn, kBad, kStrong, kFaint };

// Where a command writes. Answers go to `out`, everything about the command itself to `err`.
struct Console {
    std::ostream& out;
    std::ostream& err;
    bool has_colour = false;  // a terminal, and no NO_COLOR

    // `text` in that colour, or as it is.
    [[nodiscard]] std::string ink(Ink colour, std::string_view text) const;
    // "hearth: what" and, on a line of its own, what to do next.
    void complain(std::string_view what, std::string_view next = {}) const;
};

// Text from elsewhere for a terminal: control characters become '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace hearth::cli
