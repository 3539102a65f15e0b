#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/event_lines.h"
#include "cli/query_options.h"
#include "cli/request_filter.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;
using LineOf = std::string (*)(const json::value&, const Console&);

// Prints what comes until the daemon ends, or nobody reads on.
Result<void> follow_one(const Daemons& daemons, std::string_view daemon, std::string_view topic,
                        LineOf line_of, const Invocation& invocation, Console& console,
                        std::mutex& output, const RequestFilter& filter = {}) {
    return daemons.follow(daemon, topic, [&](std::string_view line) {
        json::error_code error;
        const json::value event = json::parse({line.data(), line.size()}, error);
        if (!filter.is_empty() && (error || !filter.matches(event))) return true;
        const std::lock_guard lock(output);
        if (invocation.json() || error)
            console.out << (error ? printable(line) : std::string(line)) << "\n";
        else
            console.out << line_of(event, console) << "\n";
        console.out.flush();
        return console.out.good();
    });
}

// The log of all daemons of this node at once; ends when the last of them does.
Exit follow_logs(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    std::mutex output;
    std::vector<std::thread> threads;
    std::vector<Result<void>> outcomes(std::size(kDaemonNames));
    for (std::size_t i = 0; i < std::size(kDaemonNames); ++i) {
        if (!daemons.is_expected(kDaemonNames[i])) continue;
        threads.emplace_back([&, i] {
            outcomes[i] =
                follow_one(daemons, kDaemonNames[i], "log", log_line, invocation, console, output);
        });
    }
    for (auto& thread : threads) thread.join();
    Exit exit = Exit::kOk;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!outcomes[i]) exit = complain_of(kDaemonNames[i], outcomes[i].error(), console);
    }
    return exit;
}

// An option that chooses among something else than what is followed.
std::string filter_of_others(const std::string& what, const Invocation& invocation) {
    const auto given = [&](const std::vector<Option>& options) -> std::string {
        for (const Option& one : options) {
            const bool is_shared = one.name == "--client" && what == "proxy";
            if (invocation.has(one.name) && !is_shared) return std::string(one.name);
        }
        return {};
    };
    std::string stray = what != "dns" ? given(query_filter_options()) : "";
    if (stray.empty() && what != "proxy") stray = given(RequestFilter::options());
    return stray;
}

}  // namespace

Exit run_tail(const Invocation& invocation, Console& console) {
    const std::string& what = invocation.arguments[0];
    const std::string filter = query_filter_text(invocation);
    if (const auto stray = filter_of_others(what, invocation); !stray.empty()) {
        console.complain("`hearth tail " + what + "` has no " + stray);
        return Exit::kUsage;
    }
    if (what == "log") return follow_logs(invocation, console);
    const Daemons daemons(invocation.run_dir());
    std::mutex output;
    if (what == "proxy") {
        const auto requests = RequestFilter::from(invocation);
        if (!requests) {
            console.complain(requests.error().detail);
            return Exit::kUsage;
        }
        const auto outcome = follow_one(daemons, what, "access", request_line, invocation, console,
                                        output, *requests);
        return outcome ? Exit::kOk : complain_of(what, outcome.error(), console);
    }
    // Only a request says what is wrong with a filter.
    if (!filter.empty())
        if (const auto tried = daemons.get("dns", "/queries?limit=1&" + filter); !tried)
            return complain_of_filter(tried.error(), console);
    const std::string topic = filter.empty() ? "query" : "query?" + filter;
    const auto outcome =
        follow_one(daemons, what, url_encode(topic), query_line, invocation, console, output);
    return outcome ? Exit::kOk : complain_of(what, outcome.error(), console);
}

}  // namespace hearth::cli
