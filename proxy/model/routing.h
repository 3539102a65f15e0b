#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// Which requests a service gets, and what of them is changed on the way.
namespace hearth::proxy {

// A path under another service's names that is this service's.
struct PathRule {
    enum class Kind : std::uint8_t { kPrefix, kExact };
    std::string path;  // normalised; a prefix ends where a segment does and has no slash at its end
    Kind kind = Kind::kPrefix;
};

// What becomes of the prefix that a rule matched.
struct PathRewrite {
    bool strips = false;
    std::string replacement;  // "" or "/new"
};

// An answer that sends the client elsewhere; empty `to`: none.
struct Redirect {
    std::string to;  // with nothing behind the host, the path asked for is added
    int status = 302;
};

// Names are compared without regard to case.
struct HeaderEdits {
    std::vector<std::string> remove;
    std::vector<std::pair<std::string, std::string>> set;  // in place of all of that name
    std::vector<std::pair<std::string, std::string>> add;

    [[nodiscard]] bool empty() const noexcept {
        return remove.empty() && set.empty() && add.empty();
    }
};

}  // namespace hearth::proxy
