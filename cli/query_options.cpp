#include "cli/query_options.h"

#include "cli/daemons.h"

namespace hearth::cli {
namespace {

// Each option's name without the dashes is the daemon's word for it.
const std::vector<Option>& options_with_values() {
    static const std::vector<Option> options{
        {"--client", "CLIENT", "An address, a network or a client's name."},
        {"--name", "NAME", "Exactly this name."},
        {"--suffix", "NAME", "Names at or under it."},
        {"--type", "TYPE", "A, AAAA, HTTPS …"},
        {"--reason", "REASON", "blocked, cached, forwarded, local …"},
        {"--rcode", "RCODE", "NOERROR, NXDOMAIN, SERVFAIL …"},
        {"--list", "NAME", "What a list (or a rule) decided."},
        {"--group", "NAME", "Clients of a group."},
        {"--upstream", "ADDRESS", "Answers of an upstream."},
        {"--proto", "TRANSPORT", "udp, tcp, tls, https"},
    };
    return options;
}

}  // namespace

std::vector<Option> query_filter_options() {
    auto options = options_with_values();
    options.push_back({"--blocked", "", "Blocked ones only."});
    return options;
}

std::vector<Option> query_page_options() {
    auto options = query_filter_options();
    options.push_back({"--from", "TIME", "Answered since then."});
    options.push_back({"--to", "TIME", "Answered before then."});
    options.push_back({"--limit", "N", "How many (50)."});
    options.push_back({"--before", "ID", "The page before: what the page after it printed."});
    options.push_back({"--after", "ID", "The page after."});
    return options;
}

std::string query_filter_text(const Invocation& invocation) {
    std::string text;
    const auto add = [&text](std::string_view key, std::string_view value) {
        text += (text.empty() ? "" : "&") + std::string(key) + "=" + url_encode(value);
    };
    for (const Option& option : options_with_values())
        if (invocation.has(option.name))
            add(option.name.substr(2), invocation.option_or(option.name, ""));
    if (invocation.has("--blocked") && !invocation.has("--reason")) add("reason", "blocked");
    return text;
}

Exit complain_of_filter(const Error& error, const Console& console) {
    const Exit exit = complain_of("dns", error, console);
    return error.code == Errc::kInvalid ? Exit::kUsage : exit;
}

}  // namespace hearth::cli
