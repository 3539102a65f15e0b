#include "config/sections_middleware.h"

#include <algorithm>
#include <charconv>

#include "config/codec.h"
#include "config/sections_upstreams.h"
#include "config/suggest.h"

// What a request must pass, for one service or for several by name.
namespace hearth::config {
namespace {

Codec<RequestRate> rate() {
    const auto parse = [](const Value& value) -> Parsed<RequestRate> {
        const std::string& text = value.text;
        RequestRate rate;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), rate.count);
        const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
        if (unit == "/m") rate.period = std::chrono::minutes(1);
        if (unit == "/h") rate.period = std::chrono::hours(1);
        const bool is_unit = unit == "/s" || unit == "/m" || unit == "/h";
        if (error != std::errc{} || !is_unit || rate.count == 0 || rate.count > 100'000)
            return fault(text + " is no rate such as 10/s, 100/m or 1000/h");
        return rate;
    };
    return scalar<RequestRate>("rate, as in 10/s, 100/m or 1000/h",
                               text_schema("^[1-9][0-9]*/[smh]$"), parse);
}

const Section<RateLimits>& rate_section() {
    static const Section<RateLimits> table{{
        "middleware.NAME.rate_limit",
        "Requests beyond it are answered 429 with Retry-After. The rate of a client alone is "
        "enough.",
        "client",
        {
            field("client", &RateLimits::client, rate(),
                  "Of one client: an IPv4 address, or an IPv6 /64.", "20/s", Presence::kOptional,
                  "none"),
            field("service", &RateLimits::service, rate(), "Of all clients together.", "200/s",
                  Presence::kOptional, "none"),
            field("burst", &RateLimits::burst, integer<unsigned>(1, 100'000),
                  "At once, after a pause.", "50", Presence::kOptional,
                  "(those of one period, ten at least)"),
        },
        {},
    }};
    return table;
}

const Section<BasicAuth>& basic_section() {
    static const Section<BasicAuth> table{{
        "middleware.NAME.basic_auth",
        "A password for everybody. The file alone is enough.",
        "users",
        {
            required(
                "users", &BasicAuth::users, path(),
                "File with a line NAME:HASH for each user, the hash being bcrypt (htpasswd -B) "
                "or argon2id; relative to the folder of hearth.yaml.",
                "users.txt"),
            field("realm", &BasicAuth::realm, token(), "What browsers show.", "Home"),
        },
        {},
    }};
    return table;
}

const Section<ForwardAuth>& forward_section() {
    static const Section<ForwardAuth> table{{
        "middleware.NAME.forward_auth",
        "Another service of the document is asked about each request: Authelia, Authentik, "
        "oauth2-proxy. Without an answer nothing passes.",
        "",
        {
            required("service", &ForwardAuth::service, host_label(), "Who is asked.", "authelia"),
            field("path", &ForwardAuth::path, url_path(), "What for, with GET.",
                  "/api/authz/forward-auth"),
            field("headers", &ForwardAuth::headers, list_of(token()),
                  "Fields of its answer that the service gets; those of the client are dropped.",
                  "[Remote-User, Remote-Groups]"),
            field(
                "sign_in", &ForwardAuth::sign_in, http_url(),
                "Where pages are sent when it says 401, for those that do not redirect themselves; "
                "{url} stands for where they were.",
                "\"https://auth.home/oauth2/sign_in?rd={url}\"", Presence::kOptional, "(none)"),
        },
        {},
    }};
    return table;
}

// "text/html", "text/*", "+json"
Codec<std::string> media_type() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        const std::string& text = value.text;
        const bool is_suffix = text.size() > 1 && text.front() == '+';
        const auto slash = text.find('/');
        const bool is_type = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
        if ((is_suffix || is_type) && text.find_first_of(" ;,") == std::string::npos) return text;
        return fault(text + " is no media type such as text/html, text/* or +json");
    };
    return scalar<std::string>("media type, type/* or +suffix", text_schema(), parse);
}

const Section<Compression>& compression_section() {
    static const Section<Compression> table{{
        "middleware.NAME.compression",
        "Compresses answers that are not yet, as they come. The codings alone are enough.",
        "codings",
        {
            field("codings", &Compression::codings,
                  list_of(one_of<ContentCoding>({{"zstd", ContentCoding::kZstd},
                                                 {"br", ContentCoding::kBrotli},
                                                 {"gzip", ContentCoding::kGzip}}),
                          kNotEmpty),
                  "Which, the preferred one first.", "[zstd, br, gzip]", Presence::kRequired),
            field("types", &Compression::types, list_of(media_type(), kNotEmpty),
                  "Of what is compressed.", "[\"text/*\", application/json]", Presence::kOptional,
                  "(text, JSON, JavaScript, XML, SVG, WebAssembly, fonts)"),
            field("minimum", &Compression::minimum, size(0, 1U << 30),
                  "What is announced to be smaller stays as it is.", "1KiB"),
        },
        {},
    }};
    return table;
}

template <class S>
Codec<std::optional<S>> maybe(const Section<S>& table) {
    Codec<std::optional<S>> codec;
    codec.type = section(table).type;
    codec.read = [&table](const Value& value, std::optional<S>& into, ReadContext& context) {
        return table.read(value, value.span, &into.emplace(), context);
    };
    return codec;
}

bool read_used(const Value& value, Middleware& into, ReadContext& context) {
    if (value.kind == Kind::kMapping)
        return middleware_section().read(value, value.span, &into, context);
    if (!expect_scalar(value, "name of a middleware, or a map", context)) return false;
    std::vector<std::string> names;
    for (const Middleware& one : context.document.middleware) {
        names.push_back(one.name);
        if (one.name != value.text) continue;
        into = one;
        return true;
    }
    if (context.broken.contains("middleware")) return true;
    context.diagnostics.error(value.span, value.text + " is no middleware of this document",
                              closest(value.text, names));
    return false;
}

}  // namespace

const Section<Middleware>& middleware_section() {
    using namespace std::chrono_literals;
    static const Section<Middleware> table{{
        "middleware.NAME",
        "What requests must pass, for the services that name it. In this order: addresses, rates, "
        "size, password, another service.",
        "",
        {
            field("allow", &Middleware::allow, list_of(prefix(), kNotEmpty),
                  "Clients from elsewhere get 403.", "[10.0.0.0/24]"),
            field("rate_limit", &Middleware::rate_limit, section(rate_section()),
                  "How much may be asked.", "20/s"),
            field("body_limit", &Middleware::body_limit, size(1U << 10, std::uint64_t{1} << 40),
                  "A larger body is 413.", "100MiB", Presence::kOptional, "none"),
            field("compression", &Middleware::compression, section(compression_section()),
                  "Compresses answers.", "[zstd, br, gzip]"),
            field("security_headers", &Middleware::security_headers, boolean(),
                  "Adds X-Content-Type-Options, X-Frame-Options (SAMEORIGIN), Referrer-Policy and "
                  "Permissions-Policy where the service does not say them.",
                  "true"),
            field("hsts", &Middleware::hsts, duration<std::chrono::seconds>(0s, 24h * 730),
                  "Browsers that came by HTTPS ask for HTTPS alone for so long.", "365d"),
            field("basic_auth", &Middleware::basic_auth, maybe(basic_section()),
                  "Asks for a password.", "users.txt"),
            field("forward_auth", &Middleware::forward_auth, maybe(forward_section()),
                  "Asks another service.", "{service: authelia, path: /api/authz/forward-auth}"),
        },
        {},
    }};
    return table;
}

Codec<std::vector<Middleware>> used_middleware() {
    Codec<Middleware> one;
    one.type = section(middleware_section()).type;
    one.type.name = "name of a middleware, or one of its own";
    one.type.section = nullptr;
    one.type.schema = R"({"type":["string","object"]})";
    one.read = read_used;
    return list_of(one);
}

}  // namespace hearth::config
