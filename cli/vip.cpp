#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/text_table.h"

#include <chrono>
#include <functional>
#include <thread>

namespace hearth::cli {

namespace json = boost::json;

namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kGlance = std::chrono::milliseconds(50);

json::array vips_of(const json::value& status) {
    const json::value& listed = child_of(status, "vips");
    return listed.is_array() ? listed.get_array() : json::array();
}

// Looks at hearth-lb's status until `settled` likes it; false when it never did.
bool wait_for(const Daemons& daemons, const std::function<bool(const json::value&)>& settled) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
        const auto status = daemons.get("lb", "/status");
        if (status && settled(*status)) return true;
        std::this_thread::sleep_for(kGlance);
    }
    return false;
}

// The names of the VIPs that `node` owns.
std::string held_by(const json::value& status, std::string_view node) {
    std::string names;
    for (const json::value& vip : vips_of(status)) {
        if (text_of(vip, "owner") != node) continue;
        names.append(names.empty() ? "" : ", ").append(text_of(vip, "name"));
    }
    return names;
}

std::string node_query(const Invocation& invocation) {
    return invocation.arguments.empty() ? "" : "?node=" + url_encode(invocation.arguments[0]);
}

}  // namespace

Exit run_vip_ls(const Invocation& invocation, Console& console) {
    const auto status = Daemons(invocation.run_dir()).get("lb", "/status");
    if (!status) return complain_of("lb", status.error(), console);
    const json::array vips = vips_of(*status);
    Exit exit = Exit::kOk;
    TextTable table({"VIP", "ADDRESS", "OWNER", "HERE", "PRIORITY", "VRID", "SINCE"});
    for (const json::value& vip : vips) {
        const auto owner = text_of(vip, "owner");
        const auto conflict = text_of(vip, "conflict");
        const bool is_good = !owner.empty() && conflict.empty();
        if (!is_good) exit = Exit::kFinding;
        const bool is_candidate = text_of(vip, "state") != "elsewhere";
        const auto here = [&](std::string text) {
            return is_candidate ? std::move(text) : std::string("-");
        };
        std::string holders(owner.empty() && !is_candidate ? "unknown" : owner);
        if (!conflict.empty()) holders.append(" (and ").append(conflict).append(")");
        table.add({{text_of(vip, "name")},
                   {text_of(vip, "address")},
                   {holders, is_good ? Ink::kGood : Ink::kBad},
                   {is_candidate ? std::string(text_of(vip, "state")) : "no candidate"},
                   {here(std::to_string(number_of(vip, "priority")))},
                   {here(std::to_string(number_of(vip, "vrid")))},
                   {here(short_duration(number_of(vip, "for_s")) + " ago")}});
    }
    if (invocation.json())
        console.out << json::serialize(vips) << "\n";
    else if (vips.empty())
        console.out << "The document has no virtual addresses.\n";
    else
        table.print(console);
    return exit;
}

Exit run_vip_move(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    const std::string& name = invocation.arguments[0];
    const std::string& node = invocation.arguments[1];
    const auto asked =
        daemons.post("lb", "/vips/move?vip=" + url_encode(name) + "&node=" + url_encode(node));
    if (!asked) return complain_of("lb", asked.error(), console);
    const bool is_there = wait_for(daemons, [&](const json::value& status) {
        const json::array vips = vips_of(status);
        return std::any_of(vips.begin(), vips.end(), [&](const json::value& vip) {
            return text_of(vip, "name") == name && text_of(vip, "owner") == node;
        });
    });
    if (invocation.json())
        console.out << json::serialize(json::object{{"vip", name}, {"moved", is_there}}) << "\n";
    else if (is_there)
        console.out << name << " is at " << node << "\n";
    else
        console.err << name << " did not go to " << node
                    << ": is it a candidate, well and not drained? `hearth status` says\n";
    return is_there ? Exit::kOk : Exit::kFinding;
}

Exit run_vip_renumber(const Invocation& invocation, Console& console) {
    const std::string& name = invocation.arguments[0];
    const auto done =
        Daemons(invocation.run_dir()).post("lb", "/vips/renumber?vip=" + url_encode(name));
    if (!done) return complain_of("lb", done.error(), console);
    if (invocation.json()) {
        console.out << json::serialize(*done) << "\n";
        return Exit::kOk;
    }
    console.out << name << " is";
    const json::value& addresses = child_of(*done, "addresses");
    if (addresses.is_array())
        for (const json::value& one : addresses.get_array())
            console.out << " " << std::string_view(one.as_string());
    console.out << " now\n";
    return Exit::kOk;
}

Exit run_node_drain(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    const auto asked = daemons.post("lb", "/node/drain" + node_query(invocation));
    if (!asked) return complain_of("lb", asked.error(), console);
    std::string held;
    const bool is_empty = wait_for(daemons, [&](const json::value& status) {
        const std::string node =
            invocation.arguments.empty() ? text_of(status, "node") : invocation.arguments[0];
        held = held_by(status, node);
        return held.empty();
    });
    if (invocation.json())
        console.out << json::serialize(json::object{{"drained", true}, {"holds", held}}) << "\n";
    else if (is_empty)
        console.out << "drained\n";
    else
        console.err << "drained, but it goes on serving " << held << ": no other node is well\n";
    return is_empty ? Exit::kOk : Exit::kFinding;
}

Exit run_node_undrain(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    const auto asked = daemons.post("lb", "/node/undrain" + node_query(invocation));
    if (!asked) return complain_of("lb", asked.error(), console);
    console.out << (invocation.json() ? "{\"drained\":false}\n" : "undrained\n");
    return Exit::kOk;
}

}  // namespace hearth::cli
