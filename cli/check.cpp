#include "cli/commands.h"
#include "cli/manual.h"
#include "config/json_text.h"
#include "config/load.h"
#include "config/schema.h"

// Commands about the document, which need no daemon.
namespace hearth::cli {
namespace {

std::string count_of(std::size_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string summary(const config::Document& document) {
    return count_of(document.nodes.size(), "node") + ", " + count_of(document.vips.size(), "VIP") +
           ", " + count_of(document.services.size(), "service") + ", " +
           count_of(document.blocking.lists.size(), "list") + "; " + document.hash.substr(0, 8);
}

}  // namespace

Exit run_check(const Invocation& invocation, Console& console) {
    const std::string path =
        invocation.arguments.empty() ? invocation.config() : invocation.arguments[0];
    const config::Loaded loaded = config::load(path);
    if (invocation.json()) {
        console.out << "{\"path\":" << config::json_quote(path)
                    << ",\"ok\":" << (loaded ? "true" : "false") << ",\"hash\":"
                    << (loaded.hash.empty() ? "null" : config::json_quote(loaded.hash))
                    << ",\"findings\":" << config::render_json(loaded.findings) << "}\n";
    } else {
        const auto colour = console.has_colour ? config::Colour::kAnsi : config::Colour::kPlain;
        console.out << config::render(loaded.findings, colour);
        if (loaded)
            console.out << path << ": " << console.ink(Ink::kGood, "good") << " ("
                        << summary(*loaded.document) << ")\n";
    }
    return loaded ? Exit::kOk : Exit::kInvalid;
}

Exit run_schema(const Invocation&, Console& console) {
    console.out << config::json_schema();
    return Exit::kOk;
}

Exit run_reference(const Invocation& invocation, Console& console) {
    if (invocation.has("--commands"))
        console.out << manual_source();
    else
        console.out << (invocation.has("--man") ? config::reference_man()
                                                : config::reference_markdown());
    return Exit::kOk;
}

}  // namespace hearth::cli
