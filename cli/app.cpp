#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "cli/commands.h"
#include "cli/text_table.h"
#include "config/apps.h"
#include "config/load.h"
#include "config/suggest.h"

// What the proxy does for applications that many homes run, and what they must be told.
namespace hearth::cli {

namespace json = boost::json;

namespace {

std::string sets_of(const config::App& app) {
    std::string text = "health " + std::string(app.health);
    if (app.answer_timeout.count() != 0)
        text += ", answer_timeout " + std::to_string(app.answer_timeout.count()) + "s";
    return text;
}

Exit list_apps(const Invocation& invocation, Console& console) {
    json::array all;
    TextTable table({"APP", "SETS"});
    for (const config::App& app : config::apps()) {
        all.push_back(json::object{{"app", app.name}, {"sets", sets_of(app)}});
        table.add({{std::string(app.name)}, {sets_of(app)}});
    }
    if (invocation.json()) {
        console.out << json::serialize(all) << "\n";
    } else {
        table.print(console);
    }
    return Exit::kOk;
}

// The service of the document that is this application; else one that would have its name.
std::string service_of(const config::Document& document, std::string_view app) {
    for (const config::Service& service : document.services)
        if (service.app == app) return service.name;
    return std::string(app);
}

}  // namespace

Exit run_app(const Invocation& invocation, Console& console) {
    if (invocation.arguments.empty()) return list_apps(invocation, console);
    const std::string& name = invocation.arguments[0];
    const config::App* app = config::find_app(name);
    if (app == nullptr) {
        std::vector<std::string> names;
        for (const config::App& one : config::apps()) names.emplace_back(one.name);
        const std::string near = config::closest(name, names);
        console.complain(name + " is no application that Hearth knows",
                         near.empty() ? "`hearth app` lists them." : "Did you mean " + near + "?");
        return Exit::kFinding;
    }
    const config::Loaded loaded = config::load(invocation.config());
    if (!loaded) {
        console.complain("the document cannot be read", "See `hearth check`.");
        return Exit::kFinding;
    }
    const std::string advice =
        config::advice_for(*app, *loaded.document, service_of(*loaded.document, app->name));
    if (invocation.json()) {
        console.out << json::serialize(
                           json::object{{"app", name}, {"sets", sets_of(*app)}, {"advice", advice}})
                    << "\n";
        return Exit::kOk;
    }
    console.out << name << " sets: " << sets_of(*app) << "\n"
                << (advice.empty() ? "It needs to be told nothing.\n" : advice);
    return Exit::kOk;
}

}  // namespace hearth::cli
