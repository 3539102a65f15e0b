#include "proxy/core/page_template.h"

#include <algorithm>
#include <optional>

#include "proxy/core/html_text.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kShut = "}}";

// Nothing for a name that is none.
std::optional<std::string> value_of(std::string_view name, const ErrorPage& page) {
    if (name == "status") return std::to_string(page.status);
    if (name == "title") return std::string(status_text(page.status));
    if (name == "message") return std::string(message_of(page.error));
    if (name == "host") return std::string(page.host);
    if (name == "request_id") return std::string(page.request_id);
    const auto inside = [&page](std::string_view value) {
        return std::string(page.show_details ? value : std::string_view{});
    };
    if (name == "service") return inside(page.service);
    if (name == "upstream") return inside(page.upstream);
    if (name == "hop") return inside(to_string(hop_of(page.error.reason)));
    if (name == "reason") return inside(to_string(page.error.reason));
    if (name == "advice") return inside(advice_of(page.error));
    return std::nullopt;
}

}  // namespace

std::string fill_template(std::string_view text, const ErrorPage& page) {
    std::string out;
    out.reserve(text.size() + 256);
    for (;;) {
        const std::size_t open = std::min(text.find(kOpen), text.size());
        out.append(text.substr(0, open));
        text.remove_prefix(open);
        if (text.empty()) return out;
        const std::size_t shut = text.find(kShut, kOpen.size());
        const auto value =
            shut == std::string_view::npos
                ? std::nullopt
                : value_of(trimmed(text.substr(kOpen.size(), shut - kOpen.size())), page);
        if (value) {
            append_html(out, *value);
            text.remove_prefix(shut + kShut.size());
        } else {
            out.append(text.substr(0, 1));
            text.remove_prefix(1);
        }
    }
}

}  // namespace hearth::proxy
