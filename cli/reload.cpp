#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/commands.h"
#include "cli/daemons.h"

namespace hearth::cli {

namespace json = boost::json;

Exit run_reload(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    json::object all;
    Exit exit = Exit::kOk;
    for (const auto daemon : kDaemonNames) {
        if (!daemons.is_expected(daemon)) continue;
        const auto answer = daemons.post(daemon, "/reload");
        if (answer) {
            const auto hash = text_of(*answer, "hash");
            all[daemon] = json::object{{"ok", true}, {"hash", hash}};
            if (!invocation.json())
                console.out << "hearth-" << daemon << " serves " << hash.substr(0, 8) << "\n";
            continue;
        }
        const Error& error = answer.error();
        all[daemon] = json::object{{"ok", false}, {"error", error.detail}};
        const bool is_rejected = error.code == Errc::kInvalid;
        if (is_rejected && !invocation.json())
            console.err << error.detail << "\nhearth-" << daemon
                        << " refused the document and goes on with the old one\n";
        const Exit mine = is_rejected         ? Exit::kInvalid
                          : invocation.json() ? Exit::kUnreachable
                                              : complain_of(daemon, error, console);
        if (exit == Exit::kOk) exit = mine;
    }
    if (invocation.json()) console.out << json::serialize(all) << "\n";
    return exit;
}

}  // namespace hearth::cli
