#include "config/sections_tracing.h"

#include <algorithm>

#include "config/codec.h"

namespace hearth::config {
namespace {

// "10%", "0.5%": in ten thousandths.
Codec<unsigned> percentage() {
    const auto parse = [](const Value& value) -> Parsed<unsigned> {
        const auto wrong = [&] {
            return fault(value.text + " is no share: 0% to 100%, at most two decimals");
        };
        std::string_view text = value.text;
        if (!text.ends_with('%') || text.size() > 7) return wrong();
        text.remove_suffix(1);
        const std::size_t point = std::min(text.find('.'), text.size());
        std::string digits(text.substr(0, point));
        std::string decimals(text.substr(std::min(point + 1, text.size())));
        if (digits.empty() || digits.size() > 3 || decimals.size() > 2) return wrong();
        if (point < text.size() && decimals.empty()) return wrong();
        decimals.resize(2, '0');
        digits += decimals;
        if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
            return wrong();
        const auto share = static_cast<unsigned>(std::stoul(digits));
        return share <= 10'000 ? Parsed<unsigned>(share) : wrong();
    };
    return scalar<unsigned>("share, 0% to 100%", text_schema("^[0-9]{1,3}([.][0-9]{1,2})?%$"),
                            parse, [](const unsigned& share) {
                                std::string text = std::to_string(share / 100);
                                const unsigned rest = share % 100;
                                if (rest != 0)
                                    text += (rest < 10 ? ".0" : ".") + std::to_string(rest);
                                return text + "%";
                            });
}

bool is_path(std::string_view path) {
    return std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

// The host as upstreams are written, then a path.
bool read_collector(const Value& value, std::optional<Collector>& into, ReadContext& context) {
    if (!expect_scalar(value, "URL", context)) return false;
    Collector collector;
    collector.text = value.text;
    collector.is_https = value.text.starts_with("https://");
    if (!collector.is_https && !value.text.starts_with("http://")) {
        context.diagnostics.error(value.span, "a collector is http://HOST:PORT or https://HOST");
        return false;
    }
    const std::size_t host_at = value.text.find("://") + 3;
    const std::size_t slash = value.text.find('/', host_at);
    Value origin = value;
    if (slash != std::string::npos && slash + 1 < value.text.size()) {
        collector.path = value.text.substr(slash);
        if (!is_path(collector.path)) {
            context.diagnostics.error(value.span, "a path has no spaces, # or other than ASCII");
            return false;
        }
    }
    origin.text.resize(std::min(slash, value.text.size()));
    const std::size_t bracket = origin.text.find(']', host_at);  // of an IPv6 address
    const bool has_port = origin.text.find(':', bracket != std::string::npos ? bracket : host_at) !=
                          std::string::npos;
    if (!has_port) origin.text += collector.is_https ? ":443" : ":4318";
    HttpUpstream upstream;
    if (!http_upstream().read(origin, upstream, context)) return false;
    collector.host = upstream.host;
    collector.address = upstream.address;
    collector.port = upstream.port;
    into = std::move(collector);
    return true;
}

Codec<std::optional<Collector>> collector() {
    Codec<std::optional<Collector>> codec;
    codec.type.name =
        "URL: http://HOST:PORT or https://HOST, with a path where it is not /v1/traces";
    codec.type.schema = text_schema("^https?://");
    codec.read = read_collector;
    return codec;
}

bool finish_tracing(const Value& value, Span /*key_span*/, void* target, ReadContext& context) {
    const auto& tracing = *static_cast<const Tracing*>(target);
    const Entry* entry = value.find("ca");
    if (entry == nullptr || (tracing.otlp && tracing.otlp->is_https)) return true;
    context.diagnostics.error(entry->key_span, "ca is for a collector that begins with https://");
    return false;
}

}  // namespace

const Section<Tracing>& tracing_section() {
    static const Section<Tracing> table{{
        "proxy.tracing",
        "Requests as parts of traces: upstreams get a traceparent field (W3C Trace Context). "
        "Without this section what clients send of it passes as it is.",
        "otlp",
        {
            field("otlp", &Tracing::otlp, collector(),
                  "Where spans are sent, as OTLP in JSON over HTTP: Jaeger, Tempo, an "
                  "OpenTelemetry collector.",
                  "http://pi5:4318", Presence::kOptional, "(none: spans are not kept)"),
            field("ca", &Tracing::ca_file, path(),
                  "The authorities (PEM file) that may have issued an https collector's "
                  "certificate, in place of the system's.",
                  "/etc/hearth/collector-ca.pem"),
            field("sample", &Tracing::sample, percentage(),
                  "How many of the traces that begin here are recorded.", "10%"),
            field("continue_from", &Tracing::continue_from, list_of(prefix()),
                  "Clients whose traces go on here, besides those of trusted_proxies. What others "
                  "say of traces is dropped, and a new one begins.",
                  "[10.0.0.0/24]"),
        },
        finish_tracing,
    }};
    return table;
}

}  // namespace hearth::config
