#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "cli/console.h"

// What `hearth status` shows, apart from the asking: made from the daemons' /status.
namespace hearth::cli {

struct StatusNode {
    std::string name;
    std::string state;
    std::map<std::string, std::string> daemons;  // "dns" to "ok", "warn", "error", "down"
    std::vector<std::string> vips;               // addresses it holds
    std::string hash;                            // of the document it serves
};

struct StatusProblem {
    std::string node;
    std::string daemon;
    std::string name;
    std::string detail;  // may have several lines
    std::string since;
};

struct StatusPage {
    std::string here;               // this node
    std::vector<StatusNode> nodes;  // this one first
    std::vector<StatusProblem> problems;
};

// `answers` by daemon name; `silent`: why a daemon gave none.
[[nodiscard]] StatusPage make_status_page(const std::map<std::string, boost::json::value>& answers,
                                          const std::map<std::string, std::string>& silent);
[[nodiscard]] bool is_well(const StatusPage& page);
void print_status(const StatusPage& page, const Console& console);

}  // namespace hearth::cli
