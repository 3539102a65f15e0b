#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"
#include "cli/why_text.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

std::string joined(const json::value& list) {
    std::string text;
    const auto* items = list.if_array();
    if (items == nullptr) return text;
    for (const json::value& item : *items) {
        if (const auto* one = item.if_string())
            text += (text.empty() ? "" : ", ") + std::string(*one);
    }
    return text;
}

// "list stevenblack line 48213 (0.0.0.0 ads.example)" for each line that speaks of the name.
std::string rule_lines(const json::value& answer) {
    std::string text;
    const auto* rules = child_of(answer, "rules").if_array();
    if (rules == nullptr) return text;
    for (const json::value& rule : *rules) {
        text += "  list " + text_of(rule, "list") + " line " +
                std::to_string(number_of(rule, "line")) + ": " + text_of(rule, "text") +
                (text_of(rule, "action") == "allow" ? " (allows it)" : "") + "\n";
    }
    return text;
}

std::string matched_by(const json::value& answer) {
    const auto matched = text_of(answer, "matched");
    const auto group = text_of(answer, "group");
    const std::string whose = group.empty() ? "" : " (group " + group + ")";
    const auto service = text_of(answer, "service");
    if (matched == "deny_rule" || matched == "allow_rule")
        return text_of(answer, "place") + " " + (service.empty() ? "" : service + ", ") +
               text_of(answer, "rule") + whose;
    const auto list = text_of(answer, "list");
    if (list.empty()) return "";
    const auto& age = child_of(answer, "list_age_s");
    return "list " + list +
           (age.is_number()
                ? ", updated " + short_duration(number_of(answer, "list_age_s")) + " ago"
                : "") +
           whose;
}

std::string local_text(const json::value& answer) {
    const auto addresses = joined(child_of(answer, "addresses"));
    if (!addresses.empty()) return "a name of this home: " + addresses;
    return flag_of(answer, "exists") ? "a name of this home"
                                     : "no name of this home: answered NXDOMAIN";
}

}  // namespace

std::string why_text(const json::value& answer, const Console& console) {
    const auto verdict = text_of(answer, "verdict");
    const auto by = matched_by(answer);
    std::string text;
    const auto alias = text_of(answer, "stands_for");
    const std::string name = text_of(answer, "name") + (alias.empty() ? "" : " (" + alias + ")");
    if (verdict == "refused") {
        text = console.ink(Ink::kBad, "REFUSED") + " " + name + ": " + text_of(answer, "client") +
               " is not served by this home";
    } else if (verdict == "blocked") {
        const auto target = text_of(answer, "leads_to");
        text = console.ink(Ink::kBad, "BLOCKED") + " " + name +
               (target.empty() ? "" : ", which leads to " + target) + ": " +
               (text_of(answer, "matched") == "rebinding"
                    ? "a public server gave an address of this home"
                    : by);
    } else if (verdict == "local") {
        text = console.ink(Ink::kGood, "LOCAL") + " " + name + ": " + local_text(answer);
    } else if (verdict == "special") {
        text = console.ink(Ink::kGood, "SPECIAL") + " " + name + ": answered here, in the zone " +
               text_of(answer, "zone");
    } else {
        const auto zone = text_of(answer, "zone");
        text = console.ink(Ink::kGood, "NOT BLOCKED") + " " + name + ": asked of " +
               joined(child_of(answer, "upstreams"));
        if (!zone.empty()) text += " (zone " + zone + ")";
        const auto safe = text_of(answer, "safe_search");
        if (!safe.empty()) text += " as " + safe + " (safe search)";
        if (!by.empty()) text += "; allowed by " + by;
        if (const auto end = text_of(answer, "undo"); !end.empty() && !flag_of(answer, "blocking"))
            text += "; nothing is blocked (" + text_of(answer, "place") + "): " + end;
        const auto bogus = text_of(answer, "dnssec_reason");
        if (!bogus.empty()) text += "\n" + console.ink(Ink::kBad, "BOGUS") + " (DNSSEC): " + bogus;
    }
    text += "\n" + rule_lines(answer);
    const auto undo = text_of(answer, "undo");
    if ((verdict == "blocked" || verdict == "refused") && !undo.empty())
        text +=
            "undo: " + undo +
            (undo.starts_with("hearth ") || undo.starts_with("wait ") ? "\n"
                                                                      : ", then `hearth reload`\n");
    return text;
}

Exit run_why(const Invocation& invocation, Console& console) {
    std::string target = "/why?name=" + url_encode(invocation.arguments[0]);
    if (invocation.has("--client"))
        target += "&client=" + url_encode(invocation.option_or("--client", ""));
    const auto answer = Daemons(invocation.run_dir()).get("dns", target);
    // What is refused here is the name, not the document.
    if (!answer && answer.error().code == Errc::kInvalid) {
        console.complain(answer.error().detail);
        return Exit::kUsage;
    }
    if (!answer) return complain_of("dns", answer.error(), console);
    if (invocation.json())
        console.out << json::serialize(*answer) << "\n";
    else
        console.out << why_text(*answer, console);
    const auto verdict = text_of(*answer, "verdict");
    return verdict == "blocked" || verdict == "refused" ? Exit::kFinding : Exit::kOk;
}

}  // namespace hearth::cli
