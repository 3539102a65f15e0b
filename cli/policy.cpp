#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <chrono>
#include <optional>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"

// What is said to the running house: `hearth allow`, `deny`, `forget`, `rules`, `blocking`.
namespace hearth::cli {
namespace {

namespace json = boost::json;

// "90s", "5m", "1h", "2d"
std::optional<std::int64_t> seconds_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number <= 0 || number > 1'000'000) return std::nullopt;
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (unit == "s") return number;
    if (unit == "m") return number * 60;
    if (unit == "h") return number * 3600;
    if (unit == "d") return number * 86400;
    return std::nullopt;
}

std::string left_of(const json::value& said) {
    const auto until = number_of(said, "until");
    if (until == 0) return "until it is taken back";
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    return "for another " + short_duration(std::max<std::int64_t>(until - now, 0));
}

std::string nodes_of(const json::value& answer, bool holds) {
    const auto* nodes = child_of(answer, "nodes").if_array();
    std::string text;
    if (nodes == nullptr) return text;
    for (const json::value& node : *nodes) {
        if (flag_of(node, "holds") != holds) continue;
        const auto why = text_of(node, "why");
        text += (text.empty() ? ""
                 : holds      ? ", "
                              : "\n") +
                std::string(holds ? "" : "not on ") + text_of(node, "node") +
                (why.empty() ? "" : ": " + why);
    }
    return text;
}

Exit tell(const Invocation& invocation, Console& console, std::string_view action,
          const std::string& name, std::string_view duration) {
    std::string target = "/policy?action=" + std::string(action) + "&name=" + url_encode(name);
    if (!duration.empty()) {
        const auto seconds = seconds_of(duration);
        if (!seconds) {
            console.complain(std::string(duration) +
                             " is not a duration such as 30s, 5m, 1h or 2d");
            return Exit::kUsage;
        }
        target += "&ttl_s=" + std::to_string(*seconds);
    }
    const auto client = invocation.option_or("--for", "");
    if (!client.empty()) target += "&client=" + url_encode(client);
    const auto answer = Daemons(invocation.run_dir()).post("dns", target);
    if (!answer && answer.error().code == Errc::kInvalid) {
        console.complain(answer.error().detail);
        return Exit::kUsage;
    }
    if (!answer) return complain_of("dns", answer.error(), console);
    if (invocation.json()) {
        console.out << json::serialize(*answer) << "\n";
    } else {
        const bool is_lifted = flag_of(*answer, "lifted");
        const std::string who = client.empty() ? "everybody" : client;
        if (action == "pause" || action == "resume")
            console.out << (is_lifted ? "blocking is on again" : "nothing is blocked ")
                        << (is_lifted ? "" : left_of(*answer)) << "\n";
        else if (is_lifted)
            console.out << name << " for " << who << ": as the document says\n";
        else
            console.out << name << " is " << (action == "deny" ? "denied" : "allowed") << " for "
                        << who << " " << left_of(*answer) << "\n";
    }
    const auto away = nodes_of(*answer, false);
    if (!invocation.json()) {
        const auto* nodes = child_of(*answer, "nodes").if_array();
        if (nodes != nullptr && nodes->size() > 1)
            console.out << "on " << nodes_of(*answer, true) << "\n";
        if (!away.empty()) console.out << away << "\n";
    }
    if (flag_of(*answer, "saved")) return away.empty() ? Exit::kOk : Exit::kFinding;
    console.complain("it holds now, but could not be kept for the next start: " +
                     text_of(*answer, "error"));
    return Exit::kFinding;
}

}  // namespace

Exit run_allow(const Invocation& invocation, Console& console) {
    return tell(invocation, console, "allow", invocation.arguments[0],
                invocation.option_or("--ttl", ""));
}

Exit run_deny(const Invocation& invocation, Console& console) {
    return tell(invocation, console, "deny", invocation.arguments[0],
                invocation.option_or("--ttl", ""));
}

Exit run_forget(const Invocation& invocation, Console& console) {
    return tell(invocation, console, "forget", invocation.arguments[0], "");
}

Exit run_blocking_off(const Invocation& invocation, Console& console) {
    return tell(invocation, console, "pause", "",
                invocation.arguments.empty() ? "" : invocation.arguments[0]);
}

Exit run_blocking_on(const Invocation& invocation, Console& console) {
    return tell(invocation, console, "resume", "", "");
}

Exit run_rules(const Invocation& invocation, Console& console) {
    const auto answer = Daemons(invocation.run_dir()).get("dns", "/policy");
    if (!answer) return complain_of("dns", answer.error(), console);
    if (invocation.json()) {
        console.out << json::serialize(*answer) << "\n";
        return Exit::kOk;
    }
    const auto* list = child_of(*answer, "overrides").if_array();
    if (list == nullptr || list->empty()) {
        console.out << "nothing: the document alone decides\n";
        return Exit::kOk;
    }
    for (const json::value& said : *list) {
        const auto action = text_of(said, "action");
        const auto client = text_of(said, "client");
        console.out << action << (action == "pause" ? "" : " " + text_of(said, "name"))
                    << (client.empty() ? "" : " --for " + client) << ", " << left_of(said) << "\n";
    }
    return Exit::kOk;
}

}  // namespace hearth::cli
