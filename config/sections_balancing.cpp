#include "config/sections_balancing.h"

#include <array>

#include "config/codec.h"
#include "config/sections_pools.h"
#include "config/sections_upstreams.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const Section<PortBackend>& backend_section() {
    static const Section<PortBackend> table{{
        "services.NAME.ports.PORT.backends",
        "A machine that answers on the port. Where it is may be enough: pi4-1.",
        "to",
        {
            required("to", &PortBackend::endpoint, backend(),
                     "A node's name or an address of the LAN, with the port when it is another one "
                     "than the VIP's.",
                     "\"pi5:2883\""),
            field("weight", &PortBackend::weight, integer<std::uint16_t>(1, 100),
                  "Its share of new connections, among the weights of all.", "3"),
            field("drain", &PortBackend::drain, boolean(),
                  "It keeps the connections it has, and gets no new ones.", "true"),
        },
        {},
    }};
    return table;
}

// "tcp/1883", "udp/8000-8010"
bool parse_ports(ServicePort& port) {
    const std::string_view text = port.name;
    const auto slash = text.find('/');
    const auto kind = text.substr(0, slash);
    if (slash == std::string_view::npos || (kind != "tcp" && kind != "udp")) return false;
    const auto numbers = text.substr(slash + 1);
    const auto dash = numbers.find('-');
    const auto first = parse_port(numbers.substr(0, dash));
    if (!first) return false;
    port.transport = kind == "tcp" ? Transport::kTcp : Transport::kUdp;
    port.port = *first;
    if (dash == std::string_view::npos) return true;
    const auto last = parse_port(numbers.substr(dash + 1));
    if (!last || *last <= *first) return false;
    port.last_port = *last;
    return true;
}

// Backends have the port's own number where none is written.
bool finish_port(const Value& value, Span key_span, void* target, ReadContext& context) {
    auto& port = *static_cast<ServicePort*>(target);
    if (!parse_ports(port)) {
        context.diagnostics.error(key_span,
                                  port.name + " is not a port such as tcp/1883 or udp/8000-8010");
        return false;
    }
    for (PortBackend& backend : port.backends) {
        if (backend.endpoint.port != 0 && port.last_port != 0) {
            context.diagnostics.error(value.span,
                                      "the ports of a range stay as they are: write "
                                      "its backends without a port");
            return false;
        }
        if (backend.endpoint.port == 0) backend.endpoint.port = port.port;
    }
    return true;
}

const Section<ServicePort>& port_section() {
    static const Section<ServicePort> table{{
        "services.NAME.ports.PORT",
        "One port (tcp/1883) or a range (udp/8000-8010). Its backends alone are enough.",
        "backends",
        {
            required("backends", &ServicePort::backends,
                     list_of(section(backend_section()), {1, 64}), "The machines that answer.",
                     "[pi4-1, {to: pi5, weight: 3}]"),
        },
        finish_port,
    }};
    return table;
}

Codec<std::vector<ServicePort>> ports() {
    static constexpr Limits kLimits{1, 64};
    Codec<std::vector<ServicePort>> codec;
    codec.type.name = "map";
    codec.type.shape = Shape::kMap;
    codec.type.limits = kLimits;
    codec.type.section = &port_section();
    codec.type.key_schema = R"({"pattern":"^(tcp|udp)/[0-9]+(-[0-9]+)?$"})";
    codec.read = [](const Value& value, std::vector<ServicePort>& out, ReadContext& context) {
        if (value.kind != Kind::kMapping) {
            context.diagnostics.error(value.span,
                                      "ports is a map: {tcp/1883: [pi4-1, pi4-2], udp/5060: pi5}");
            return false;
        }
        if (!expect_count(value.entries.size(), kLimits, value, context)) return false;
        bool is_good = true;
        for (const Entry& entry : value.entries) {
            ServicePort one;
            one.name = entry.key;
            is_good = port_section().read(entry.value, entry.key_span, &one, context) && is_good;
            out.push_back(std::move(one));
        }
        return is_good;
    };
    return codec;
}

bool finish_check(const Value& value, Span key_span, void* target, ReadContext& context) {
    const auto& check = *static_cast<const BackendCheck*>(target);
    const auto only_with = [&](std::string_view key, bool is_meant) {
        const Entry* entry = value.find(key);
        if (entry == nullptr || is_meant) return true;
        context.diagnostics.error(entry->key_span,
                                  std::string(key) + " means nothing to this kind of check");
        return false;
    };
    const bool is_http = check.kind == CheckKind::kHttp || check.kind == CheckKind::kHttps;
    if (!only_with("path", is_http) || !only_with("host", is_http) ||
        !only_with("name", check.kind == CheckKind::kDns) ||
        !only_with("script", check.kind == CheckKind::kScript))
        return false;
    if (check.kind == CheckKind::kScript && check.script.empty()) {
        context.diagnostics.error(key_span,
                                  "which script? {kind: script, script: /usr/local/bin/check}");
        return false;
    }
    return true;
}

// Printable ASCII without blanks: it goes into a request line or header as it is.
Codec<std::string> request_text() {
    return scalar<std::string>(
        "text", text_schema("^[!-~]+$"),
        [](const Value& value) -> Parsed<std::string> {
            for (const char c : value.text)
                if (c <= ' ' || c > '~') return fault("only printable ASCII without blanks here");
            if (value.text.empty()) return fault("this is empty");
            return value.text;
        },
        [](const std::string& text) { return text; });
}

const Section<BackendCheck>& check_section() {
    static const Section<BackendCheck> table{{
        "services.NAME.check",
        "How each backend is asked whether it serves. One that does not gets no connections. The "
        "kind alone may be enough: tcp.",
        "kind",
        {
            required("kind", &BackendCheck::kind,
                     one_of<CheckKind>({{"tcp", CheckKind::kTcp},
                                        {"http", CheckKind::kHttp},
                                        {"https", CheckKind::kHttps},
                                        {"dns", CheckKind::kDns},
                                        {"script", CheckKind::kScript}}),
                     "A connection that opens; a page that answers with 200 to 399 (whatever the "
                     "certificate); a name server that answers; a program that ends with 0.",
                     "http"),
            field("port", &BackendCheck::port, port(), "Where to ask.", "8080", Presence::kOptional,
                  "(the backend's port)"),
            field("path", &BackendCheck::path, url_path(), "The page to ask for.", "/healthz",
                  Presence::kOptional, "/"),
            field("host", &BackendCheck::host, request_text(), "The host to ask for, also in TLS.",
                  "mqtt.home", Presence::kOptional, "(the backend's address)"),
            field("name", &BackendCheck::name, domain_name(),
                  "The name whose SOA the name server is asked for.", "example.com",
                  Presence::kOptional, "(the root)"),
            field("script", &BackendCheck::script, program(),
                  "A program, called with the backend's address and port. It runs without "
                  "capabilities, and is killed when its time is over.",
                  "/usr/local/bin/check-mqtt"),
            field("interval", &BackendCheck::interval, duration<milliseconds>(100ms, 1h),
                  "How often.", "5s"),
            field("timeout", &BackendCheck::timeout, duration<milliseconds>(10ms, 1min),
                  "How long an answer may take.", "500ms"),
            field("rise", &BackendCheck::rise, integer<std::uint16_t>(1, 100),
                  "Answers in a row until a backend that failed is used again.", "3"),
            field("fall", &BackendCheck::fall, integer<std::uint16_t>(1, 100),
                  "Failures in a row until a backend is not used any more. The first answer after "
                  "a start decides alone.",
                  "2"),
        },
        finish_check,
    }};
    return table;
}

}  // namespace

std::vector<Field> balancing_fields() {
    return {
        service_vip_field(),
        service_pool_field(),
        field("ports", &Service::ports, ports(),
              "Ports of `vip`, or ranges of ports, each with the machines that answer there.",
              "{tcp/1883: [pi4-1, pi4-2]}"),
        field("affinity", &Service::affinity, duration<std::chrono::seconds>(1s, 24h),
              "A client that comes back within this time, to the same port, gets the same backend.",
              "30m", Presence::kOptional, "(none)"),
        field("allow", &Service::allow, list_of(prefix(), {1, 32}),
              "Whose connections are taken; others are refused.", "[10.0.0.0/25]",
              Presence::kOptional, "(everybody)"),
        field("keep_client_address", &Service::keep_client_address, boolean(),
              "Backends see the client's address. Only those on the VIP's owner are used then, and "
              "only nodes that have one are candidates.",
              "true"),
        field("check", &Service::check, section(check_section()),
              "How backends are asked whether they serve.", "{kind: tcp, interval: 5s}"),
    };
}

bool finish_balancing(const Value& value, const Service& service, ReadContext& context) {
    if (!finish_service_vip(value, service, context)) return false;
    if (!service.ports.empty()) return true;
    constexpr std::array kKeys{"affinity", "allow", "keep_client_address", "check"};
    for (const std::string_view key : kKeys) {
        const Entry* entry = value.find(key);
        const bool is_of_streams = key == "allow" || key == "check";
        if (entry == nullptr || (is_of_streams && service.is_stream())) continue;
        context.diagnostics.error(entry->key_span,
                                  std::string(key) + " is for services that have ports");
        return false;
    }
    return true;
}

}  // namespace hearth::config
