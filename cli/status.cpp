#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/status_page.h"
#include "cli/text_table.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

// Of a node that hearth-lb has no word from. Where that is wrong, hearth-lb has a problem of its
// own.
constexpr std::string_view kUnknown = "unknown";

Ink ink_of(std::string_view state) {
    if (state == "ok") return Ink::kGood;
    if (state == "warn") return Ink::kWarn;
    return state.empty() || state == kUnknown ? Ink::kFaint : Ink::kBad;
}

std::string worse(const std::string& a, const std::string& b) {
    const auto rank = [](const std::string& state) {
        return state == "ok" ? 0 : state == "warn" ? 1 : 2;
    };
    return rank(a) >= rank(b) ? a : b;
}

// What several nodes say in the same words is told once.
void add_problem(StatusProblem problem, std::vector<StatusProblem>& problems) {
    for (StatusProblem& known : problems) {
        if (known.daemon != problem.daemon || known.name != problem.name ||
            known.detail != problem.detail)
            continue;
        known.node += ", " + problem.node;
        return;
    }
    problems.push_back(std::move(problem));
}

void add_problems(const json::value& from, const std::string& node, const std::string& daemon,
                  std::vector<StatusProblem>& problems) {
    const auto* list = child_of(from, "problems").if_array();
    if (list == nullptr) return;
    for (const json::value& one : *list) {
        const auto own = text_of(one, "daemon");
        add_problem({node, own.empty() ? daemon : own, text_of(one, "name"), text_of(one, "detail"),
                     text_of(one, "since")},
                    problems);
    }
}

void add_vips(const json::value& lb, StatusPage& page) {
    const auto* vips = child_of(lb, "vips").if_array();
    if (vips == nullptr) return;
    for (const json::value& vip : *vips) {
        const auto owner = text_of(vip, "owner");
        for (StatusNode& node : page.nodes) {
            if (node.name == owner) node.vips.push_back(text_of(vip, "address"));
        }
        if (owner.empty())
            page.problems.push_back(
                {page.here, "lb", "vip_without_owner",
                 text_of(vip, "address") + " (" + text_of(vip, "name") + ") is held by no node",
                 ""});
    }
}

// Nodes that serve different documents disagree sooner or later on who owns what.
void compare_documents(StatusPage& page) {
    const std::string ours = page.nodes[0].hash;
    for (const StatusNode& node : page.nodes) {
        if (node.hash.empty() || ours.empty() || node.hash == ours) continue;
        page.problems.push_back({node.name, "lb", "document_differs",
                                 "it serves " + node.hash.substr(0, 8) + " and this node " +
                                     ours.substr(0, 8) +
                                     ": copy the right hearth.yaml there, then `hearth reload`",
                                 ""});
    }
}

// The other nodes, as hearth-lb heard of them from its peers.
void add_peers(const json::value& lb, StatusPage& page) {
    const auto* nodes = child_of(lb, "nodes").if_array();
    if (nodes == nullptr) return;
    for (const json::value& one : *nodes) {
        StatusNode node;
        node.name = text_of(one, "name");
        if (node.name == page.here) continue;
        node.state = text_of(one, "state");
        node.hash = text_of(one, "config_hash");
        if (const auto* daemons = child_of(one, "daemons").if_object()) {
            for (const auto& [name, state] : *daemons) {
                if (const auto* word = state.if_string()) node.daemons[std::string(name)] = *word;
            }
        }
        add_problems(one, node.name, "", page.problems);
        page.nodes.push_back(std::move(node));
    }
}

}  // namespace

StatusPage make_status_page(const std::map<std::string, json::value>& answers,
                            const std::map<std::string, std::string>& silent) {
    StatusPage page;
    StatusNode here;
    here.state = "ok";
    for (const auto& [daemon, status] : answers) {
        if (page.here.empty()) page.here = text_of(status, "node");
        const auto state = text_of(status, "state");
        here.daemons[daemon] = state;
        here.state = worse(here.state, state);
        here.hash = text_of(child_of(status, "config"), "hash");
    }
    here.name = page.here.empty() ? "this node" : page.here;
    page.here = here.name;
    for (const auto& [daemon, why] : silent) {
        here.daemons[daemon] = "down";
        here.state = "error";
        std::string detail = why;
        detail.append(": start it with `systemctl start hearth-").append(daemon).append("`");
        page.problems.push_back({page.here, daemon, "not_running", std::move(detail), ""});
    }
    page.nodes.push_back(here);
    for (const auto& [daemon, status] : answers)
        add_problems(status, page.here, daemon, page.problems);
    if (const auto lb = answers.find("lb"); lb != answers.end()) {
        add_peers(lb->second, page);
        compare_documents(page);
        add_vips(lb->second, page);
    }
    return page;
}

bool is_well(const StatusPage& page) {
    for (const StatusNode& node : page.nodes) {
        if (node.state != "ok" && node.state != kUnknown) return false;
    }
    return page.problems.empty();
}

void print_status(const StatusPage& page, const Console& console) {
    TextTable table({"NODE", "STATE", "DNS", "LB", "PROXY", "CERTS", "VIPS", "DOCUMENT"});
    for (const StatusNode& node : page.nodes) {
        std::string vips;
        for (const std::string& address : node.vips) vips += (vips.empty() ? "" : " ") + address;
        std::vector<Cell> row{{node.name}, {node.state, ink_of(node.state)}};
        for (const auto daemon : kDaemonNames) {
            const auto found = node.daemons.find(std::string(daemon));
            const auto state = found == node.daemons.end() ? std::string() : found->second;
            row.push_back({state, ink_of(state)});
        }
        row.push_back({vips});
        row.push_back({node.hash.substr(0, 8)});
        table.add(std::move(row));
    }
    table.print(console);
    for (const StatusProblem& problem : page.problems) {
        console.out << "\n"
                    << console.ink(Ink::kWarn,
                                   problem.node + " " + problem.daemon + " " + problem.name);
        if (!problem.since.empty()) console.out << " since " << problem.since;
        console.out << "\n";
        for (std::size_t at = 0; at < problem.detail.size();) {
            const auto end = std::min(problem.detail.find('\n', at), problem.detail.size());
            console.out << "  " << printable(std::string_view(problem.detail).substr(at, end - at))
                        << "\n";
            at = end + 1;
        }
    }
}

Exit run_status(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    std::map<std::string, json::value> answers;
    std::map<std::string, std::string> silent;
    Error last;
    for (const auto daemon : kDaemonNames) {
        if (!daemons.is_expected(daemon)) continue;
        auto status = daemons.get(daemon, "/status");
        if (status) {
            answers.emplace(daemon, std::move(*status));
            continue;
        }
        last = status.error();
        silent.emplace(daemon, last.to_string());
    }
    if (answers.empty()) return complain_of("dns", last, console);
    const StatusPage page = make_status_page(answers, silent);
    const Exit exit = is_well(page) ? Exit::kOk : Exit::kFinding;
    if (!invocation.json()) {
        print_status(page, console);
        return exit;
    }
    json::object all;
    for (auto& [daemon, status] : answers) all[daemon] = std::move(status);
    for (const auto& [daemon, why] : silent)
        all[daemon] = json::object{{"state", "down"}, {"error", why}};
    console.out << json::serialize(json::object{
                       {"node", page.here}, {"ok", exit == Exit::kOk}, {"daemons", all}})
                << "\n";
    return exit;
}

}  // namespace hearth::cli
