#pragma once

#include <string>
#include <utility>
#include <vector>

// Which requests a service gets, and what of them is changed; part of config/document.h.
namespace hearth::config {

// "/api": it and what is under it; "=/api": it alone. Normalised, without a slash at its end.
struct PathRule {
    std::string path;
    bool exact = false;
};

// Where clients are sent instead; empty `to`: nowhere.
struct Redirect {
    std::string to;
    int status = 302;
};

struct HeaderEdits {
    std::vector<std::pair<std::string, std::string>> set;
    std::vector<std::pair<std::string, std::string>> add;
    std::vector<std::string> remove;
};

}  // namespace hearth::config
