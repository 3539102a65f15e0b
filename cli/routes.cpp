#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"

// What the proxy sends where, and upstreams that get nothing for a while.
namespace hearth::cli {

namespace json = boost::json;

namespace {

struct State {
    std::string word;
    Ink ink = Ink::kPlain;
};

State state_of(const json::value& upstream) {
    const json::value& up = child_of(upstream, "up");
    const std::string detail(text_of(upstream, "detail"));
    if (child_of(upstream, "drained").is_bool()) return {"drained", Ink::kWarn};
    if (!up.is_bool()) return {detail.empty() ? "unknown" : detail, Ink::kPlain};
    if (up.get_bool()) return {"ok", Ink::kGood};
    return {detail.empty() ? "down" : detail, Ink::kBad};
}

Exit set_drained(const Invocation& invocation, Console& console, const std::string& call,
                 const std::string& done) {
    const std::string& service = invocation.arguments[0];
    const std::string& upstream = invocation.arguments[1];
    const auto answer = Daemons(invocation.run_dir())
                            .post("proxy", call + "?service=" + url_encode(service) +
                                               "&upstream=" + url_encode(upstream));
    if (!answer) return complain_of("proxy", answer.error(), console);
    if (invocation.json()) {
        const json::object told{{"service", service}, {"upstream", upstream}, {"state", done}};
        console.out << json::serialize(told) << "\n";
    } else {
        console.out << upstream << " of " << service << " is " << done << "\n";
    }
    return Exit::kOk;
}

}  // namespace

Exit run_routes(const Invocation& invocation, Console& console) {
    const auto status = Daemons(invocation.run_dir()).get("proxy", "/status");
    if (!status) return complain_of("proxy", status.error(), console);
    const json::value& routes = child_of(*status, "routes");
    TextTable table({"HOST", "SERVICE", "UPSTREAM", "STATE"});
    Exit exit = Exit::kOk;
    for (const json::value& route : routes.is_array() ? routes.get_array() : json::array()) {
        std::string host(text_of(route, "host"));
        std::string service(text_of(route, "service"));
        const json::value& upstreams = child_of(route, "upstreams");
        if (!upstreams.is_array()) continue;
        if (const auto to = text_of(route, "redirect"); !to.empty())
            table.add({{host}, {service}, {to}, {"redirect"}});
        for (const json::value& upstream : upstreams.get_array()) {
            const State state = state_of(upstream);
            if (state.ink == Ink::kBad) exit = Exit::kFinding;
            table.add({{host}, {service}, {text_of(upstream, "url")}, {state.word, state.ink}});
            host.clear();
            service.clear();
        }
    }
    if (invocation.json())
        console.out << json::serialize(routes) << "\n";
    else
        table.print(console);
    return exit;
}

Exit run_upstream_drain(const Invocation& invocation, Console& console) {
    return set_drained(invocation, console, "/upstreams/drain", "drained");
}

Exit run_upstream_undrain(const Invocation& invocation, Console& console) {
    return set_drained(invocation, console, "/upstreams/undrain", "in use");
}

}  // namespace hearth::cli
