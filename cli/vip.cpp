#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"

namespace hearth::cli {

namespace json = boost::json;

Exit run_vip_ls(const Invocation& invocation, Console& console) {
    const auto status = Daemons(invocation.run_dir()).get("lb", "/status");
    if (!status) return complain_of("lb", status.error(), console);
    const json::value& listed = child_of(*status, "vips");
    const json::array vips = listed.is_array() ? listed.get_array() : json::array();
    Exit exit = Exit::kOk;
    TextTable table({"VIP", "ADDRESS", "OWNER", "HERE", "PRIORITY", "VRID", "SINCE"});
    for (const json::value& vip : vips) {
        const auto owner = text_of(vip, "owner");
        const auto conflict = text_of(vip, "conflict");
        const bool is_good = !owner.empty() && conflict.empty();
        if (!is_good) exit = Exit::kFinding;
        std::string holders = owner;
        if (!conflict.empty()) holders.append(" (and ").append(conflict).append(")");
        table.add({{text_of(vip, "name")},
                   {text_of(vip, "address")},
                   {holders, is_good ? Ink::kGood : Ink::kBad},
                   {text_of(vip, "state")},
                   {std::to_string(number_of(vip, "priority"))},
                   {std::to_string(number_of(vip, "vrid"))},
                   {short_duration(number_of(vip, "for_s")) + " ago"}});
    }
    if (invocation.json())
        console.out << json::serialize(vips) << "\n";
    else if (vips.empty())
        console.out << "The document has no virtual addresses.\n";
    else
        table.print(console);
    return exit;
}

}  // namespace hearth::cli
