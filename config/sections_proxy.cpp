#include <array>

#include "config/codec.h"
#include "config/sections.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

TypeInfo upstream_type(Shape shape) {
    TypeInfo type = http_upstream().type;
    type.shape = shape;
    return type;
}

bool read_one_upstream(const Value& value, Service& service, ReadContext& context) {
    if (value.kind == Kind::kSequence) {
        context.diagnostics.error(value.span, "upstream is one URL; for several write upstreams");
        return false;
    }
    return list_of(http_upstream(), kNotEmpty).read(value, service.upstreams, context);
}

bool finish_service(const Value& value, Span key_span, void* target, ReadContext& context) {
    const Entry* one = value.find("upstream");
    const Entry* several = value.find("upstreams");
    if (one != nullptr && several != nullptr) {
        context.diagnostics.error(one->key_span, "write upstream or upstreams, not both");
        return false;
    }
    if (!static_cast<const Service*>(target)->upstreams.empty()) return true;
    context.diagnostics.error(key_span,
                              "a service needs an upstream: {upstream: \"http://pi5:2283\"}");
    return false;
}

struct AccessLogWord {
    const char* word;
    AccessLog format;
};
constexpr std::array kAccessLogs{
    AccessLogWord{"off", AccessLog::kOff}, AccessLogWord{"text", AccessLog::kText},
    AccessLogWord{"json", AccessLog::kJson}, AccessLogWord{"combined", AccessLog::kCombined}};

bool read_access_log(const Value& value, Proxy& proxy, ReadContext& context) {
    if (!expect_scalar(value, "off, text, json or combined", context)) return false;
    std::vector<std::string> words;
    for (const AccessLogWord& one : kAccessLogs) {
        words.emplace_back(one.word);
        if (value.text != one.word) continue;
        proxy.access_log = one.format;
        return true;
    }
    context.diagnostics.error(value.span, value.text + " is not off, text, json or combined",
                              closest(value.text, words));
    return false;
}

Field access_log_field() {
    TypeInfo type;
    type.name = "off, text, json or combined";
    type.schema = R"({"enum":["off","text","json","combined"]})";
    return custom_field<Proxy>("access_log", type, "off", read_access_log,
                               "A line on standard output for each request; combined is Apache's "
                               "format. Requests can be followed without it.",
                               "json");
}

const Section<TlsCertificate>& certificate_section() {
    static const Section<TlsCertificate> table{{
        "proxy.tls.certificates",
        "A certificate of your own, for the names in it. It is read again when its files change.",
        "",
        {
            required("certificate", &TlsCertificate::certificate, path(),
                     "PEM file: the certificate, then its issuers; relative to the folder of "
                     "hearth.yaml.",
                     "tls/home.pem"),
            required("key", &TlsCertificate::key, path(),
                     "PEM file of its private key, which hearth-proxy must be able to read.",
                     "tls/home.key"),
        },
        {},
    }};
    return table;
}

const Section<ProxyTls>& tls_section() {
    static const Section<ProxyTls> table{{
        "proxy.tls",
        "HTTPS. Without a certificate there is none.",
        "",
        {
            field("certificates", &ProxyTls::certificates, list_of(section(certificate_section())),
                  "Certificates; the name a client asks for chooses.",
                  "[{certificate: tls/home.pem, key: tls/home.key}]"),
            field(
                "unknown_name", &ProxyTls::unknown_name,
                one_of<UnknownTlsName>(
                    {{"refuse", UnknownTlsName::kRefuse}, {"first", UnknownTlsName::kFirst}}),
                "What a client gets that asks for a name without a certificate: no connection, or "
                "the first certificate.",
                "first"),
        },
        {},
    }};
    return table;
}

}  // namespace

const Section<Proxy>& proxy_section() {
    static const Section<Proxy> table{{
        "proxy",
        "The reverse proxy in front of the services.",
        "",
        {
            field("vip", &Proxy::vip, vip_name(), "The VIP that services resolve to.", "proxy",
                  Presence::kOptional, "(none: services resolve to the nodes)"),
            field("listen", &Proxy::listen, list_of(endpoint()),
                  "Listen here and nowhere else, instead of on the VIP and the node's address.",
                  "[\"127.0.0.1:8080\"]"),
            field("http", &Proxy::http, port(), "Port for HTTP on the VIP and the node's address.",
                  "80"),
            field("listen_https", &Proxy::listen_https, list_of(endpoint()),
                  "Listen for HTTPS here and nowhere else.", "[\"127.0.0.1:8443\"]"),
            field("https", &Proxy::https, port(),
                  "Port for HTTPS on the VIP and the node's address.", "443"),
            field("tls", &Proxy::tls, section(tls_section()),
                  "Certificates, and how they are used.",
                  "{certificates: [{certificate: tls/home.pem, key: tls/home.key}]}"),
            field("trusted_proxies", &Proxy::trusted_proxies, list_of(prefix()),
                  "Proxies in front of this one whose X-Forwarded-For and -Proto are believed.",
                  "[10.42.0.0/16]"),
            field("max_connections", &Proxy::max_connections, integer<std::size_t>(16, 1'000'000),
                  "Client connections at a time; more wait in the kernel's queue.", "4096"),
            field("workers", &Proxy::workers, integer<unsigned>(1, 64), "Threads that serve.", "2",
                  Presence::kOptional, "(one per core, at most 4)"),
            access_log_field(),
        },
        {},
    }};
    return table;
}

const Section<Service>& service_section() {
    static const Section<Service> table{{
        "services.NAME",
        "A service, reached as NAME and NAME.domain through the proxy. Its upstream alone is "
        "enough.",
        "upstreams",
        {
            custom_field<Service>(
                "upstream", upstream_type(Shape::kOne), "", read_one_upstream,
                "Where the service runs. HOST is a node's name, an address or a name.",
                "\"http://pi5:2283\""),
            field("upstreams", &Service::upstreams, list_of(http_upstream(), kNotEmpty),
                  "The same service on several machines.",
                  "[\"http://pi5:8081\", \"http://pi4-1:8081\"]"),
            field("aliases", &Service::aliases, list_of(host_label()),
                  "Further names of the service.", "[photos]"),
            field(
                "plain_http", &Service::plain_http,
                one_of<PlainHttp>(
                    {{"redirect", PlainHttp::kRedirect}, {"serve", PlainHttp::kServe}}),
                "What plain HTTP requests get when a certificate has the service's name; serve is "
                "for devices that cannot trust it.",
                "serve"),
        },
        finish_service,
    }};
    return table;
}

}  // namespace hearth::config
