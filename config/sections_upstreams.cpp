#include "config/sections_upstreams.h"

#include <algorithm>

#include "config/codec.h"

// Upstreams of a service, and how its requests are spread over them.
namespace hearth::config {
namespace {

bool read_url(const Value& value, HttpUpstream& upstream, ReadContext& context) {
    HttpUpstream read;  // the other fields keep what they have
    if (!http_upstream().read(value, read, context)) return false;
    read.weight = upstream.weight;
    read.verify = upstream.verify;
    read.ca_file = upstream.ca_file;
    upstream = std::move(read);
    return true;
}

bool finish_upstream(const Value& value, Span key_span, void* target, ReadContext& context) {
    const auto& upstream = *static_cast<const HttpUpstream*>(target);
    if (upstream.text.empty()) {
        context.diagnostics.error(key_span,
                                  "an upstream needs its url: {url: \"http://pi5:8081\"}");
        return false;
    }
    for (const char* key : {"verify", "ca"}) {
        const Entry* entry = value.find(key);
        if (entry == nullptr || upstream.scheme == UpstreamScheme::kHttps) continue;
        context.diagnostics.error(entry->key_span,
                                  std::string(key) + " is for upstreams that begin with https://");
        return false;
    }
    return true;
}

// "200", "200-399"
Parsed<std::pair<unsigned, unsigned>> parse_status(const std::string& text) {
    const auto digits = [](std::string_view part) -> unsigned {
        const bool is_status =
            part.size() == 3 && part[0] >= '1' && part[0] <= '5' &&
            std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
        return is_status ? static_cast<unsigned>(std::stoi(std::string(part))) : 0;
    };
    const auto dash = text.find('-');
    const unsigned from = digits(std::string_view(text).substr(0, dash));
    const unsigned to =
        dash == std::string::npos ? from : digits(std::string_view(text).substr(dash + 1));
    if (from == 0 || to < from)
        return fault(text + " is no status or range of them, as in 200 or 200-399");
    return std::pair(from, to);
}

bool read_status(const Value& value, HealthCheck& check, ReadContext& context) {
    if (!expect_scalar(value, "status or range of them", context)) return false;
    const auto range = parse_status(value.text);
    if (!range) {
        context.diagnostics.error(value.span, range.error().message);
        return false;
    }
    std::tie(check.status_from, check.status_to) = *range;
    return true;
}

Field status_field() {
    TypeInfo type;
    type.name = "status or range of them";
    type.schema = R"({"type":["string","integer"]})";
    return custom_field<HealthCheck>("status", type, "200-399", read_status,
                                     "The answers that are good.", "200");
}

bool finish_health(const Value& value, Span key_span, void* target, ReadContext& context) {
    const auto& check = *static_cast<const HealthCheck*>(target);
    if (check.path.empty() && !check.grpc) {
        context.diagnostics.error(key_span, "health needs a path, or grpc: what is to be asked?");
        return false;
    }
    for (const char* key : {"path", "status"}) {
        const Entry* entry = value.find(key);
        if (entry == nullptr || !check.grpc) continue;
        context.diagnostics.error(entry->key_span,
                                  std::string(key) + " is for health checks without grpc");
        return false;
    }
    return true;
}

// "echo.Echo", or "".
bool read_grpc(const Value& value, HealthCheck& check, ReadContext& context) {
    constexpr std::size_t kMost = 127;  // a length of one octet
    if (!expect_scalar(value, "service of gRPC's", context)) return false;
    const bool good = std::ranges::all_of(value.text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-' || c == '/';
    });
    if (good && value.text.size() <= kMost) {
        check.grpc = value.text;
        return true;
    }
    context.diagnostics.error(value.span, value.text + " is no service of gRPC's, as in echo.Echo");
    return false;
}

Field grpc_field() {
    TypeInfo type;
    type.name = "service of gRPC's";
    type.schema = R"({"type":"string","pattern":"^[-A-Za-z0-9._/]{0,127}$"})";
    return custom_field<HealthCheck>(
        "grpc", type, "", read_grpc,
        "Instead of a path: the service that gRPC's own health checks (grpc.health.v1) ask for, "
        "\"\" for the server as a whole. For h2c and https upstreams.",
        "echo.Echo");
}

bool is_token_octet(char c) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
}

}  // namespace

Codec<std::string> token() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        if (!value.text.empty() && value.text.size() <= 64 &&
            std::ranges::all_of(value.text, is_token_octet))
            return value.text;
        return fault("a name here has letters, digits and -_. only, 64 at most");
    };
    return scalar<std::string>("name", text_schema("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"), parse);
}

Codec<std::string> url_path() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        const std::string& text = value.text;
        if (!text.starts_with('/')) return fault("a path begins with /", "/" + text);
        if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; }))
            return fault("a path has no spaces, # or other than ASCII: write them as %20, %23");
        return text;
    };
    return scalar<std::string>("path", text_schema("^/[!-~]*$"), parse);
}

const Section<HttpUpstream>& http_upstream_section() {
    static const Section<HttpUpstream> table{{
        "services.NAME.upstreams[]",
        "A place the service runs at. The URL alone is enough.",
        "url",
        {
            custom_field<HttpUpstream>("url", http_upstream().type, "", read_url,
                                       "Where. HOST is a node's name, an address or a name.",
                                       "\"http://pi5:8081\""),
            field("weight", &HttpUpstream::weight, integer<unsigned>(1, 100),
                  "Its share of the requests, beside those of the others.", "3"),
            field("verify", &HttpUpstream::verify, boolean(),
                  "Whether an https upstream's certificate must be valid for HOST. With false any "
                  "will do, and whoever answers there gets the requests.",
                  "false"),
            field(
                "ca", &HttpUpstream::ca_file, path(),
                "The authorities (PEM file) that may have issued an https upstream's certificate, "
                "in place of the system's.",
                "/etc/hearth/nas-ca.pem"),
        },
        finish_upstream,
    }};
    return table;
}

const Section<HealthCheck>& health_section() {
    using namespace std::chrono_literals;
    static const Section<HealthCheck> table{{
        "services.NAME.health",
        "What is asked of each upstream from time to time; one that does not answer as it should "
        "gets no requests until it does. The path alone is enough.",
        "path",
        {
            field("path", &HealthCheck::path, url_path(), "What is asked for, with GET.",
                  "/health"),
            grpc_field(),
            status_field(),
            field("interval", &HealthCheck::interval, duration<std::chrono::milliseconds>(1s, 1h),
                  "How often.", "10s"),
            field("timeout", &HealthCheck::timeout, duration<std::chrono::milliseconds>(100ms, 60s),
                  "How long an answer may take.", "3s"),
            field("rise", &HealthCheck::rise, integer<unsigned>(1, 100),
                  "Good answers in a row that bring it back.", "2"),
            field("fall", &HealthCheck::fall, integer<unsigned>(1, 100),
                  "Bad ones in a row that take it out.", "3"),
        },
        finish_health,
    }};
    return table;
}

const Section<RequestLimit>& limit_section() {
    using namespace std::chrono_literals;
    static const Section<RequestLimit> table{{
        "services.NAME.limit",
        "Requests at a time, of all clients and over all upstreams; more wait in a short queue, "
        "and "
        "are answered 503 when that is full. The number alone is enough.",
        "requests",
        {
            required("requests", &RequestLimit::requests, integer<std::size_t>(1, 100'000),
                     "At a time.", "100"),
            field("queue", &RequestLimit::queue, integer<std::size_t>(0, 10'000), "As many wait.",
                  "64"),
            field("wait", &RequestLimit::wait, duration<std::chrono::milliseconds>(0ms, 60s),
                  "At most so long.", "5s"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
