#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <filesystem>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"
#include "config/load.h"
#include "config/read_files.h"

namespace hearth::cli {

namespace json = boost::json;

namespace {

std::string body_of(const std::string& path, const std::vector<config::Source>& sources) {
    std::error_code error;
    json::array files;
    for (const config::Source& source : sources)
        files.push_back(json::object{{"path", source.path()}, {"text", source.text()}});
    return json::serialize(
        json::object{{"folder", std::filesystem::absolute(path, error).parent_path().string()},
                     {"files", std::move(files)}});
}

std::vector<Cell> row_of(const json::value& change) {
    const std::string action = text_of(change, "action");
    const Cell sign = action == "add"      ? Cell{"+", Ink::kGood}
                      : action == "remove" ? Cell{"-", Ink::kBad}
                                           : Cell{"~"};
    return {
        sign, {text_of(change, "kind")}, {text_of(change, "subject")}, {text_of(change, "detail")}};
}

void print(const json::array& changes, std::int64_t operations, Console& console) {
    if (changes.empty()) console.out << "Nothing would change.\n";
    TextTable table({"", "KIND", "WHAT", "DETAIL"});
    for (const json::value& change : changes) table.add(row_of(change));
    if (!changes.empty()) table.print(console);
    if (operations > 0)
        console.out << operations << (operations == 1 ? " operation" : " operations")
                    << " on the kernel's tables.\n";
}

}  // namespace

Exit run_lb_plan(const Invocation& invocation, Console& console) {
    // What is wrong with the document is told here, without a daemon.
    const std::string path = invocation.config();
    const config::Loaded loaded = config::load(path);
    const auto colour = console.has_colour ? config::Colour::kAnsi : config::Colour::kPlain;
    const auto sources = config::read_files(path);
    if (!loaded || !sources) {
        console.err << config::render(loaded.findings, colour);
        return Exit::kInvalid;
    }
    const auto plan = Daemons(invocation.run_dir()).post("lb", "/plan", body_of(path, *sources));
    if (!plan) return complain_of("lb", plan.error(), console);
    const json::value& listed = child_of(*plan, "changes");
    const json::array changes = listed.is_array() ? listed.get_array() : json::array();
    const json::value& counts = child_of(*plan, "operations");
    const auto operations = number_of(counts, "firewall") + number_of(counts, "services");
    if (invocation.json())
        console.out << json::serialize(*plan) << "\n";
    else
        print(changes, operations, console);
    return changes.empty() && operations == 0 ? Exit::kOk : Exit::kFinding;
}

}  // namespace hearth::cli
