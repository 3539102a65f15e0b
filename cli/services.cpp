#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"

namespace hearth::cli {

namespace json = boost::json;

namespace {

json::array list_of(const json::value& parent, std::string_view key) {
    const json::value& listed = child_of(parent, key);
    return listed.is_array() ? listed.get_array() : json::array();
}

bool is_drained(const json::value& backend) {
    const json::value& drained = child_of(backend, "drained");
    return drained.is_bool() && drained.get_bool();
}

Ink ink_of(std::string_view state) {
    if (state == "down") return Ink::kBad;
    return state == "up" ? Ink::kGood : Ink::kPlain;
}

void add_service(TextTable& table, const json::value& service) {
    const std::string state(text_of(service, "state"));
    const std::vector<Cell> first{{std::string(text_of(service, "service"))},
                                  {std::string(text_of(service, "vip"))},
                                  {std::string(text_of(service, "port"))},
                                  {state, ink_of(state)}};
    for (const json::value& backend : list_of(service, "backends")) {
        const std::string health(text_of(backend, "state"));
        auto row = first;
        row.push_back({std::string(text_of(backend, "backend"))});
        row.push_back({is_drained(backend) ? health + ", drained" : health, ink_of(health)});
        row.push_back({std::to_string(number_of(backend, "weight"))});
        row.push_back({std::to_string(number_of(backend, "connections"))});
        table.add(std::move(row));
    }
}

}  // namespace

Exit run_services(const Invocation& invocation, Console& console) {
    const auto answer = Daemons(invocation.run_dir()).get("lb", "/services");
    if (!answer) return complain_of("lb", answer.error(), console);
    const json::array services = list_of(*answer, "services");
    Exit exit = Exit::kOk;
    TextTable table(
        {"SERVICE", "VIP", "PORT", "STATE", "BACKEND", "HEALTH", "WEIGHT", "CONNECTIONS"});
    for (const json::value& service : services) {
        if (text_of(service, "state") == "down") exit = Exit::kFinding;
        add_service(table, service);
    }
    if (invocation.json())
        console.out << json::serialize(services) << "\n";
    else if (services.empty())
        console.out << "The document has no services on ports of this node's virtual addresses.\n";
    else
        table.print(console);
    return exit;
}

}  // namespace hearth::cli
