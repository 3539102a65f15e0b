#include "dns/bind/list_findings.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

namespace hearth::dns {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

std::uint64_t count_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_int64() && value->get_int64() > 0
               ? static_cast<std::uint64_t>(value->get_int64())
               : 0;
}

std::string describe(const config::BlockList& list, const ListFinding& finding) {
    std::string text = list.name + ": " + finding.error;
    if (finding.state == "stale" && !finding.fetched_at.empty())
        return text + " (the copy of " + finding.fetched_at + " blocks)";
    return text +
           (finding.state == "stale" ? " (the copy before blocks)" : " (nothing of it blocks)");
}

}  // namespace

const ListFinding* ListFindings::find(std::string_view list) const noexcept {
    const auto at = std::find_if(lists.begin(), lists.end(),
                                 [&](const ListFinding& finding) { return finding.name == list; });
    return at == lists.end() ? nullptr : &*at;
}

ListFindings parse_list_findings(std::string_view text) {
    ListFindings findings;
    json::error_code error;
    const json::value document = json::parse(text, error);
    if (error || !document.is_object()) return findings;
    const json::object& root = document.get_object();
    findings.text = text;
    findings.error = text_at(root, "error");
    const json::value* lists = root.if_contains("lists");
    if (lists == nullptr || !lists->is_array()) return findings;
    for (const json::value& entry : lists->get_array()) {
        if (!entry.is_object()) continue;
        const json::object& object = entry.get_object();
        findings.lists.push_back({text_at(object, "name"), text_at(object, "state"),
                                  text_at(object, "error"), text_at(object, "fetched_at"),
                                  count_at(object, "entries"), count_at(object, "skipped"),
                                  count_at(object, "invalid")});
    }
    return findings;
}

ListFindings read_list_findings(const ListLayout& layout) {
    std::ifstream in(layout.status(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return parse_list_findings(text);
}

void raise_list_problems(const ListFindings& findings, const config::Blocking& blocking,
                         runtime::Problems& problems) {
    std::string failing;
    for (const config::BlockList& list : blocking.lists) {
        const ListFinding* finding = findings.find(list.name);
        if (finding == nullptr || finding->error.empty()) continue;
        failing += (failing.empty() ? "" : "; ") + describe(list, *finding);
    }
    if (failing.empty())
        problems.clear("lists_failing");
    else
        problems.raise(
            "lists_failing",
            failing + ". Mend the source, then run hearth-lists; it tries again by itself");
    if (findings.error.empty())
        problems.clear("lists_not_compiled");
    else
        problems.raise("lists_not_compiled",
                       findings.error + "; the lists compiled before go on blocking");
}

void collect_lists(const ListFindings& findings, runtime::MetricSink& sink) {
    for (const auto& list : findings.lists) {
        std::tm fetched{};
        if (strptime(list.fetched_at.c_str(), "%Y-%m-%dT%H:%M:%S", &fetched) == nullptr) continue;
        sink.gauge("hearth_dns_blocklist_refresh_timestamp_seconds",
                   "When the copy of a list that serves was fetched.", {{"list", list.name}},
                   static_cast<double>(timegm(&fetched)));
    }
}

boost::json::object describe_lists(const ListFindings& findings, bool is_enabled,
                                   const BlockLists* image) {
    namespace json = boost::json;
    json::object blocking;
    blocking["enabled"] = is_enabled;
    blocking["names"] = image != nullptr ? image->set.size() : 0;
    json::array lists;
    if (image != nullptr) {
        for (const auto& list : image->set.lists()) {
            json::object object;
            object["name"] = list.name;
            object["rules"] = list.rules;
            object["kind"] = list.kind == ListKind::kAllow ? "allow" : "block";
            if (const ListFinding* finding = findings.find(list.name)) {
                object["state"] = finding->state;
                object["skipped"] = finding->skipped;
                object["invalid"] = finding->invalid;
                object["fetched_at"] = finding->fetched_at;
            }
            lists.push_back(std::move(object));
        }
    }
    blocking["lists"] = std::move(lists);
    return blocking;
}

}  // namespace hearth::dns
