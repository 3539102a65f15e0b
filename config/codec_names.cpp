#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>

#include "base/idna.h"
#include "config/codec.h"
#include "config/sha256.h"
#include "config/suggest.h"

// Codecs of what names something: nodes, VIPs, rules, upstreams, URLs.
namespace hearth::config {
namespace {

// "a is not a node (did you mean b?)", unless `key` itself is broken: then nothing is said of what
// refers to it.
template <class T>
Parsed<std::string> known_name(const Value& value, const std::vector<T>& known,
                               std::string_view key, std::string_view noun,
                               const ReadContext& context) {
    std::vector<std::string> names;
    std::transform(known.begin(), known.end(), std::back_inserter(names),
                   [](const T& one) { return one.name; });
    const bool is_known = std::find(names.begin(), names.end(), value.text) != names.end();
    if (is_known || context.broken.contains(std::string(key))) return value.text;
    return fault(value.text + " is not a " + std::string(noun), closest(value.text, names));
}

// The part before "://", or empty.
std::string_view scheme_of(std::string_view text) {
    const auto at = text.find("://");
    return at == std::string_view::npos ? std::string_view{} : text.substr(0, at);
}

bool has_bad_url_octet(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return c <= 0x20 || c == 0x7f; });
}

struct Authority {
    std::string host;  // without brackets
    std::uint16_t port = 0;
};

Parsed<Authority> parse_authority(std::string_view text, std::uint16_t default_port) {
    Authority authority;
    authority.port = default_port;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return fault("the bracket of the address is not closed");
        authority.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        has_port = text.starts_with(':');
        if (!has_port && !text.empty()) return fault("only :PORT may follow the address");
        if (has_port) port = text.substr(1);
        if (!IpAddress::parse(authority.host)) return fault(authority.host + " is not an address");
    } else {
        const auto colon = text.find(':');
        authority.host = text.substr(0, colon);
        has_port = colon != std::string_view::npos;
        if (has_port) port = text.substr(colon + 1);
    }
    if (authority.host.empty()) return fault("the host is missing");
    if (has_port) {
        const auto number = parse_port(port);
        if (!number) return fault(std::string(port) + " is not a port (1 to 65535)");
        authority.port = *number;
    }
    return authority;
}

bool is_dotted_number(std::string_view text) {
    return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_host_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    while (true) {
        const auto dot = text.find('.');
        if (!is_host_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

// Gives the upstream its address: a literal, this machine, a node, or none for a name that is to be
// asked for at run time.
Parsed<HttpUpstream> place_host(HttpUpstream upstream, const ReadContext& context) {
    const std::string& host = upstream.host;
    upstream.address = IpAddress::parse(host);
    if (upstream.address) return upstream;
    if (host == "localhost") upstream.address = IpAddress::v4(127, 0, 0, 1);
    if (const Node* node = context.document.find_node(host)) upstream.address = node->address;
    if (upstream.address) return upstream;
    if (is_dotted_number(host)) return fault(host + " is not an address");
    if (!is_host_name(host)) return fault(host + " is not a host name");
    if (host.find('.') != std::string::npos || context.broken.contains("nodes")) return upstream;
    std::vector<std::string> nodes;
    for (const Node& node : context.document.nodes) nodes.push_back(node.name);
    return fault("upstream " + host + " is not a node", closest(host, nodes));
}

// "unix:/run/app.sock", "h2c+unix:/run/app.sock"
Parsed<HttpUpstream> parse_socket_upstream(const std::string& text) {
    constexpr std::size_t kMostPath = 107;  // sockaddr_un (unix(7))
    HttpUpstream upstream;
    if (text.starts_with("h2c+")) upstream.scheme = UpstreamScheme::kH2c;
    upstream.text = text;
    upstream.socket_path = text.substr(text.find(':') + 1);
    if (!upstream.socket_path.starts_with('/') || upstream.socket_path.starts_with("//"))
        return fault("a Unix socket's path is absolute", "unix:/run/app/app.sock");
    if (upstream.socket_path.size() > kMostPath)
        return fault("a Unix socket's path has " + std::to_string(kMostPath) + " octets at most");
    upstream.host = upstream.socket_path;
    return upstream;
}

struct ServiceScheme {
    std::string_view word;
    UpstreamScheme scheme;
    std::uint16_t port;  // 0: it has to be written
};
constexpr std::array kServiceSchemes{ServiceScheme{"http", UpstreamScheme::kHttp, 80},
                                     ServiceScheme{"https", UpstreamScheme::kHttps, 443},
                                     ServiceScheme{"h2c", UpstreamScheme::kH2c, 80},
                                     ServiceScheme{"tls", UpstreamScheme::kTls, 443},
                                     ServiceScheme{"tcp", UpstreamScheme::kTcp, 0},
                                     ServiceScheme{"udp", UpstreamScheme::kUdp, 0}};

Parsed<HttpUpstream> parse_http_upstream(const Value& value, const ReadContext& context) {
    const std::string& text = value.text;
    if (has_bad_url_octet(text)) return fault("a URL has no spaces");
    if (text.starts_with("unix:") || text.starts_with("h2c+unix:"))
        return parse_socket_upstream(text);
    const auto scheme = scheme_of(text);
    if (scheme.empty()) return fault("an upstream is a URL", "http://" + text);
    const auto known = std::ranges::find(kServiceSchemes, scheme, &ServiceScheme::word);
    if (known == kServiceSchemes.end())
        return fault("unknown scheme " + std::string(scheme) +
                     "; an upstream begins with http://, https://, h2c://, unix:, tls://, tcp:// "
                     "or udp://");
    HttpUpstream upstream;
    upstream.scheme = known->scheme;
    auto rest = std::string_view(text).substr(scheme.size() + 3);
    const auto slash = rest.find_first_of("/?#");
    if (slash != std::string_view::npos && rest.substr(slash) != "/")
        return fault("an upstream has no path: requests keep the one the client asked for",
                     std::string(scheme) + "://" + std::string(rest.substr(0, slash)));
    if (rest.find('@') != std::string_view::npos)
        return fault("an upstream has no user or password: secrets stay out of the document");
    const auto authority = parse_authority(rest.substr(0, slash), known->port);
    if (!authority) return tl::unexpected<Fault>(authority.error());
    if (authority->port == 0)
        return fault("a " + std::string(scheme) + " upstream needs its port",
                     std::string(scheme) + "://" + std::string(rest.substr(0, slash)) + ":PORT");
    upstream.host = authority->host;
    upstream.port = authority->port;
    upstream.text = text;
    return place_host(std::move(upstream), context);
}

Parsed<Endpoint> parse_backend(const Value& value, const ReadContext& context) {
    if (!scheme_of(value.text).empty())
        return fault("a backend is NODE:PORT or ADDRESS:PORT, without a scheme");
    const auto authority = parse_authority(value.text, 0);
    if (!authority) return tl::unexpected<Fault>(authority.error());
    if (const auto address = IpAddress::parse(authority->host))
        return Endpoint{*address, authority->port};
    if (const Node* node = context.document.find_node(authority->host))
        return Endpoint{node->address, authority->port};
    if (context.broken.contains("nodes")) return Endpoint{};
    std::vector<std::string> nodes;
    for (const Node& node : context.document.nodes) nodes.push_back(node.name);
    return fault("backend " + authority->host + " is neither a node nor an address",
                 closest(authority->host, nodes));
}

struct DnsScheme {
    std::string_view word;
    UpstreamProtocol protocol;
    std::uint16_t port;
};
constexpr std::array kUpstreamSchemes{DnsScheme{"udp", UpstreamProtocol::kUdp, 53},
                                      DnsScheme{"tcp", UpstreamProtocol::kTcp, 53},
                                      DnsScheme{"tls", UpstreamProtocol::kTls, 853},
                                      DnsScheme{"https", UpstreamProtocol::kHttps, 443}};

// What is wrong with the address of an upstream, with an example that is right.
Fault no_address(const std::string& text, const DnsScheme& scheme, std::string_view host) {
    const std::string why = " is not an address; a name could not be resolved before DNS works";
    if (scheme.protocol == UpstreamProtocol::kTls)
        return {std::string(host) + why, "tls://9.9.9.9#" + std::string(host)};
    if (scheme.protocol == UpstreamProtocol::kHttps)
        return {std::string(host) + why, "https://9.9.9.9/dns-query#" + std::string(host)};
    return {text + why + "; write 9.9.9.9, udp://9.9.9.9:53 or [fd00::1]:53", ""};
}

constexpr std::string_view kPin = "pin-sha256=";

// "pin-sha256=BASE64,pin-sha256=BASE64"
Parsed<std::vector<std::string>> parse_pins(std::string_view text) {
    std::vector<std::string> pins;
    while (!text.empty()) {
        const auto one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        auto digest = one.starts_with(kPin) ? decode_sha256(one.substr(kPin.size())) : std::nullopt;
        if (!digest)
            return fault(std::string(one) +
                         " is not pin-sha256= and the 44 characters of a SHA-256 in base64");
        pins.push_back(std::move(*digest));
    }
    return pins;
}

// An upstream whose address is to be found by its name; the certificate must have it, too.
std::optional<Upstream> named_upstream(Upstream upstream, std::string_view place,
                                       std::uint16_t port) {
    const auto authority = parse_authority(std::string(place), port);
    const auto name = authority ? Name::parse(authority->host) : std::nullopt;
    if (!name || name->label_count() < 2 || IpAddress::parse(authority->host) ||
        authority->host.find_first_of("*\\_ ") != std::string::npos ||
        authority->host.find_first_not_of("0123456789.") == std::string::npos)
        return std::nullopt;
    upstream.name = name->to_string();
    upstream.endpoint.port = authority->port;
    if (upstream.host.empty()) upstream.host = upstream.name;
    return upstream;
}

Parsed<Upstream> parse_upstream(const Value& value) {
    const std::string& text = value.text;
    if (text == "recursive") {
        Upstream upstream;
        upstream.protocol = UpstreamProtocol::kRecursive;
        upstream.text = text;
        return upstream;
    }
    const auto word = scheme_of(text);
    const auto* scheme = word.empty()
                             ? kUpstreamSchemes.begin()
                             : std::find_if(kUpstreamSchemes.begin(), kUpstreamSchemes.end(),
                                            [&](const auto& s) { return s.word == word; });
    if (scheme == kUpstreamSchemes.end())
        return fault("unknown scheme " + std::string(word) +
                     "; write an address, or one behind udp://, tcp://, tls:// or https://");
    Upstream upstream;
    upstream.text = text;
    upstream.protocol = scheme->protocol;
    auto rest = std::string_view(text).substr(word.empty() ? 0 : word.size() + 3);
    if (const auto mark = rest.find('#'); mark != std::string_view::npos) {
        if (scheme->protocol < UpstreamProtocol::kTls)
            return fault("only tls:// and https:// have a certificate whose name could be given",
                         std::string(rest.substr(0, mark)));
        const auto behind = rest.substr(mark + 1);
        const auto name = Name::parse(behind);
        if (behind.starts_with(kPin)) {
            auto pins = parse_pins(behind);
            if (!pins) return tl::unexpected<Fault>(pins.error());
            upstream.pins = std::move(*pins);
        } else if (!name || name->is_root()) {
            return fault("behind # stands the name in the server's certificate, or pin-sha256=…");
        } else {
            upstream.host = behind;
        }
        rest = rest.substr(0, mark);
    }
    if (scheme->protocol == UpstreamProtocol::kHttps) {
        const auto slash = rest.find('/');
        upstream.path = slash == std::string_view::npos ? "/dns-query" : rest.substr(slash);
        rest = rest.substr(0, slash);
        if (has_bad_url_octet(upstream.path) || upstream.path.find('{') != std::string::npos)
            return fault("the path is sent as it is: no spaces, no template", "/dns-query");
    }
    const auto endpoint = Endpoint::parse(rest, scheme->port);
    if (!endpoint && scheme->protocol >= UpstreamProtocol::kTls)
        if (auto named = named_upstream(upstream, rest, scheme->port)) return *named;
    if (!endpoint) {
        const auto wrong = no_address(text, *scheme, rest.substr(0, rest.find(':')));
        return fault(wrong.message, wrong.suggestion);
    }
    if (endpoint->address.is_unspecified() || endpoint->address.is_multicast())
        return fault(text + " is not the address of a server");
    upstream.endpoint = *endpoint;
    return upstream;
}

Parsed<NameRule> parse_name_rule(const Value& value) {
    const std::string& text = value.text;
    NameRule rule;
    rule.only_below = text.starts_with("*.");
    auto bare = text.substr(rule.only_below ? 2 : 0);
    if (text.starts_with("||") || text.starts_with("@@")) {
        const auto from = text.find_first_not_of("|@");
        const auto inner =
            from == std::string::npos ? "" : text.substr(from, text.find('^') - from);
        return fault("rules here are names, not AdBlock syntax", inner);
    }
    if (!scheme_of(text).empty()) {
        const auto host = text.substr(text.find("://") + 3);
        return fault("a rule is a name, not a URL", host.substr(0, host.find_first_of(":/?#")));
    }
    const auto ascii = ascii_name(bare);
    const auto name = ascii ? Name::parse(*ascii) : std::nullopt;
    if (!name || name->is_root() || bare.find_first_of("*\\ /") != std::string::npos)
        return fault(text + " is not a name such as ads.example or *.ads.example");
    rule.name = *name;
    return rule;
}

}  // namespace

Codec<std::string> host_label() {
    const auto parse = [](const Value& value) { return parse_label(value.text, value.style); };
    return scalar<std::string>("host name", text_schema("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
                               parse);
}

Codec<std::string> node_name() {
    const auto parse = [](const Value& value, ReadContext& context) {
        return known_name(value, context.document.nodes, "nodes", "node", context);
    };
    return scalar<std::string>("node", text_schema(), parse);
}

Codec<std::string> vip_name() {
    const auto parse = [](const Value& value, ReadContext& context) {
        return known_name(value, context.document.vips, "vips", "VIP", context);
    };
    return scalar<std::string>("VIP", text_schema(), parse);
}

Codec<std::string> http_url() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        const std::string& text = value.text;
        const auto scheme = scheme_of(text);
        if (scheme.empty() && text.find_first_of("./") == 0)
            return fault(text + " is not a URL; for a file on this machine write file:");
        const bool has_dot = text.find('.') != std::string::npos;
        if (scheme.empty()) return fault(text + " is not a URL", has_dot ? "https://" + text : "");
        if (scheme != "http" && scheme != "https")
            return fault("a URL here begins with http:// or https://, not " + std::string(scheme) +
                         "://");
        if (has_bad_url_octet(text)) return fault("a URL has no spaces");
        const auto rest = std::string_view(text).substr(scheme.size() + 3);
        const auto authority_text = rest.substr(0, rest.find_first_of("/?#"));
        if (authority_text.find('@') != std::string_view::npos)
            return fault("a URL here has no user or password: secrets stay out of the document");
        const auto authority = parse_authority(authority_text, 443);
        if (!authority) return tl::unexpected<Fault>(authority.error());
        return text;
    };
    return scalar<std::string>("URL, http or https", text_schema("^https?://"), parse);
}

Codec<NameRule> name_rule() {
    return scalar<NameRule>("name, or *.name for what is under it", text_schema(), parse_name_rule);
}

Codec<Upstream> upstream() {
    return scalar<Upstream>(
        "DNS server: ADDRESS[:PORT], udp://, tcp://, tls://ADDRESS#NAME, tls://NAME, "
        "https://ADDRESS/dns-query#NAME, https://NAME/dns-query, or recursive",
        text_schema(), parse_upstream);
}

Codec<std::optional<IpPrefix>> client_subnet() {
    // RFC 7871 §11.1: as coarse as its purpose allows.
    constexpr int kFinestV4 = 24;
    constexpr int kFinestV6 = 56;
    Codec<std::optional<IpPrefix>> codec;
    codec.type = prefix().type;
    codec.read = [one = prefix()](const Value& value, std::optional<IpPrefix>& into,
                                  ReadContext& context) {
        IpPrefix subnet;
        if (!one.read(value, subnet, context)) return false;
        const IpAddress& address = subnet.address();
        const int finest = address.is_v4() ? kFinestV4 : kFinestV6;
        const std::string text = subnet.to_string();
        if (address.is_private() || address.is_loopback() || address.is_link_local()) {
            context.diagnostics.error(value.span,
                                      text +
                                          " means nothing outside the house; write the network "
                                          "your Internet provider gave you");
            return false;
        }
        if (subnet.length() > finest) {
            context.diagnostics.error(value.span, text + " would tell upstreams who you are",
                                      IpPrefix(address, finest).to_string());
            return false;
        }
        into = subnet;
        return true;
    };
    return codec;
}

Codec<HttpUpstream> http_upstream() {
    const auto parse = [](const Value& value, ReadContext& context) {
        return parse_http_upstream(value, context);
    };
    return scalar<HttpUpstream>(
        "URL: http://, https://, h2c://, tls://, tcp:// or udp:// and HOST:PORT, HOST being a "
        "node, "
        "an address or a name; or unix:PATH, h2c+unix:PATH",
        text_schema("^((https?|h2c|tls|tcp|udp)://|(h2c[+])?unix:/)"), parse);
}

Codec<Endpoint> backend() {
    const auto parse = [](const Value& value, ReadContext& context) {
        return parse_backend(value, context);
    };
    return scalar<Endpoint>("HOST or HOST:PORT, HOST being a node or an address", text_schema(),
                            parse);
}

}  // namespace hearth::config
