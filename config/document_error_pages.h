#pragma once

#include <string>
#include <vector>

// Pages of the household's own in place of the proxy's; part of config/document.h.
namespace hearth::config {

struct ErrorPageFile {
    unsigned from = 500;  // statuses
    unsigned to = 599;
    std::string file;  // absolute
};

}  // namespace hearth::config
