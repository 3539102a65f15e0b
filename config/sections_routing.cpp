#include "config/sections_routing.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "config/codec.h"
#include "config/sections_middleware.h"
#include "config/sections_upstreams.h"

// Paths, hosts, redirects and header edits of a service.
namespace hearth::config {
namespace {

// Those the proxy writes itself, or that belong to one connection.
bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 14> kOurs{
        "host",      "content-length",    "transfer-encoding", "connection",      "keep-alive",
        "te",        "trailer",           "upgrade",           "forwarded",       "x-forwarded-for",
        "x-real-ip", "x-forwarded-proto", "proxy-connection",  "x-forwarded-host"};
    return std::ranges::find(kOurs, lower_case(name)) != kOurs.end();
}

bool expect_field_name(const std::string& name, Span place, ReadContext& context) {
    Value value;
    value.kind = Kind::kScalar;
    value.text = name;
    value.span = place;
    std::string read;
    if (!token().read(value, read, context)) return false;
    if (!is_ours(name)) return true;
    context.diagnostics.error(place, name + " is written by the proxy itself");
    return false;
}

bool read_fields(const Value& value, std::vector<std::pair<std::string, std::string>>& out,
                 ReadContext& context) {
    if (value.kind != Kind::kMapping) {
        context.diagnostics.error(value.span, "fields are a map: {X-Frame-Options: DENY}");
        return false;
    }
    if (!expect_count(value.entries.size(), {1, 32}, value, context)) return false;
    bool is_good = true;
    for (const Entry& entry : value.entries) {
        is_good = expect_field_name(entry.key, entry.key_span, context) && is_good;
        if (!expect_scalar(entry.value, "text", context)) {
            is_good = false;
            continue;
        }
        const std::string& text = entry.value.text;
        if (std::ranges::any_of(text, is_control)) {
            context.diagnostics.error(entry.value.span, "a field's value is one line of text");
            is_good = false;
        }
        out.emplace_back(entry.key, text);
    }
    return is_good;
}

Field fields_field(std::string_view key,
                   std::vector<std::pair<std::string, std::string>> HeaderEdits::*member,
                   std::string_view help, std::string_view example) {
    TypeInfo type;
    type.name = "map of field names, each with its value";
    type.schema = R"({"type":"object","minProperties":1,"additionalProperties":{"type":"string"}})";
    const auto read = [member](const Value& value, HeaderEdits& edits, ReadContext& context) {
        return read_fields(value, edits.*member, context);
    };
    return custom_field<HeaderEdits>(key, type, "none", read, help, example);
}

bool finish_edits(const Value& value, Span, void* target, ReadContext& context) {
    const Entry* removed = value.find("remove");
    bool is_good = true;
    for (const std::string& name : static_cast<const HeaderEdits*>(target)->remove)
        is_good = expect_field_name(name, removed->value.span, context) && is_good;
    return is_good;
}

Parsed<std::string> parse_prefix(const Value& value) {
    std::string text = value.text;
    if (!text.starts_with('/')) return fault("a path begins with /", "/" + text);
    const bool is_normal = text.find("//") == std::string::npos &&
                           (text + "/").find("/./") == std::string::npos &&
                           (text + "/").find("/../") == std::string::npos;
    const bool is_plain =
        std::ranges::none_of(text, [](char c) { return c <= ' ' || c >= 0x7f; }) &&
        text.find_first_of("?#%\\;") == std::string::npos;
    if (!is_normal || !is_plain)
        return fault("a path to match is written plainly: no //, /../, %, ?, # or ;");
    if (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

Codec<std::string> path_prefix() {
    return scalar<std::string>("path", text_schema("^/"), parse_prefix);
}

Codec<PathRule> path_rule() {
    const auto parse = [](const Value& value) -> Parsed<PathRule> {
        PathRule rule;
        Value bare = value;
        rule.exact = value.text.starts_with('=');
        if (rule.exact) bare.text.erase(0, 1);
        // An exact path's final slash is a part of it.
        const bool has_slash = rule.exact && bare.text.size() > 1 && bare.text.ends_with('/');
        auto path = parse_prefix(bare);
        if (!path) return tl::unexpected<Fault>(path.error());
        rule.path = *path + (has_slash ? "/" : "");
        return rule;
    };
    return scalar<PathRule>("path, or =path for it alone", text_schema("^=?/"), parse);
}

Codec<std::string> host_pattern() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        std::string text = lower_case(value.text);
        if (text.ends_with('.')) text.pop_back();
        const bool is_wild = text.starts_with("*.");
        const auto name = Name::parse(is_wild ? text.substr(2) : text);
        if (!name || text.find('*', is_wild ? 1 : 0) != std::string::npos || text.empty() ||
            text.find(':') != std::string::npos)
            return fault(value.text + " is no host name or *.name");
        return text;
    };
    return scalar<std::string>("host name, or *.name for all under it", text_schema(), parse);
}

const Section<Redirect>& redirect_section() {
    static const Section<Redirect> table{{
        "services.NAME.redirect",
        "Clients are sent elsewhere. The URL alone is enough.",
        "to",
        {
            required("to", &Redirect::to, http_url(),
                     "Where to; the path asked for is added when it names a host alone.",
                     "\"https://photos.example\""),
            field(
                "status", &Redirect::status,
                one_of<int>({{"301", 301}, {"302", 302}, {"303", 303}, {"307", 307}, {"308", 308}}),
                "301 and 308 are remembered by browsers.", "308"),
        },
        {},
    }};
    return table;
}

const Section<HeaderEdits>& header_edits_section() {
    static const Section<HeaderEdits> table{{
        "services.NAME.headers",
        "Changes of header fields: first those to remove, then those to set, then those to add.",
        "",
        {
            fields_field("set", &HeaderEdits::set, "Written in place of all of that name.",
                         "{X-Frame-Options: DENY}"),
            fields_field("add", &HeaderEdits::add, "Written besides others of that name.",
                         "{Link: \"</a>; rel=preload\"}"),
            field("remove", &HeaderEdits::remove, list_of(token()), "Names of fields to leave out.",
                  "[Server, X-Powered-By]"),
        },
        finish_edits,
    }};
    return table;
}

}  // namespace

bool finish_routing(const Value& value, Span key_span, const Service& service,
                    ReadContext& context) {
    const auto refuse = [&](const char* key, const std::string& why) {
        const Entry* entry = value.find(key);
        context.diagnostics.error(entry != nullptr ? entry->key_span : key_span, why);
        return false;
    };
    if (!service.redirect.to.empty() && !service.upstreams.empty())
        return refuse("redirect", "a service has upstreams or a redirect, not both");
    if (service.under.empty() != service.paths.empty())
        return refuse(service.under.empty() ? "paths" : "under",
                      "under and paths go together: {under: home, paths: /grafana}");
    if (service.strip_prefix && !service.replace_prefix.empty())
        return refuse("strip_prefix", "write strip_prefix or replace_prefix, not both");
    if ((service.strip_prefix || !service.replace_prefix.empty()) && service.paths.empty())
        return refuse(service.strip_prefix ? "strip_prefix" : "replace_prefix",
                      "there is no prefix without paths");
    return true;
}

std::vector<Field> routing_fields() {
    return {
        field("hosts", &Service::hosts, list_of(host_pattern()),
              "Further full names, of other domains too; *.NAME stands for all under it. Their "
              "addresses are somebody else's to publish.",
              "[photos.example.com, \"*.apps.home\"]"),
        field("under", &Service::under, host_label(),
              "A service some of whose paths are this one's, under all its names.", "home",
              Presence::kOptional, "(none)"),
        field("paths", &Service::paths, list_of(path_rule(), kNotEmpty),
              "Those paths and what is under them; =PATH is the path alone. Of several the exact "
              "one counts, then the longest.",
              "[/grafana, \"=/metrics\"]"),
        field("strip_prefix", &Service::strip_prefix, boolean(),
              "The upstream gets the path without what matched; X-Forwarded-Prefix has it.",
              "true"),
        field("replace_prefix", &Service::replace_prefix, path_prefix(),
              "The upstream gets this in place of what matched.", "/app", Presence::kOptional,
              "(none)"),
        field("redirect", &Service::redirect, section(redirect_section()),
              "Clients are sent elsewhere; such a service needs no upstream.",
              "\"https://photos.example\""),
        field("middleware", &Service::middleware, used_middleware(),
              "What its requests must pass: names of `middleware`, and maps of the same form.",
              "[lan-only, {rate_limit: 20/s}]"),
        field("request_headers", &Service::request_headers, section(header_edits_section()),
              "Changes of what the upstream gets.", "{remove: [Authorization]}"),
        field("response_headers", &Service::response_headers, section(header_edits_section()),
              "Changes of what the client gets.", "{set: {X-Frame-Options: DENY}}"),
    };
}

}  // namespace hearth::config
