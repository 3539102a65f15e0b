#include <netdb.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/dns_question.h"
#include "cli/http_probe.h"
#include "cli/middleware_text.h"
#include "cli/text_table.h"
#include "config/apps.h"
#include "config/load.h"
#include "config/suggest.h"

// From a service's name to its machine, hop by hop, as a client of the home would go.
namespace hearth::cli {
namespace {

namespace json = boost::json;

constexpr Duration kPatience = 3s;

struct Hop {
    std::string name;  // "dns", "vip", "tls", "route", "upstream"
    std::string what;  // what was tried
    bool is_good = false;
    std::string detail;  // what came of it, and what to do
};

struct Walk {
    const config::Document& document;
    const config::Service& service;
    Daemons daemons;
    std::vector<Hop> hops;
};

std::string milliseconds(Duration elapsed) {
    return short_milliseconds(std::chrono::duration<double, std::milli>(elapsed).count());
}

// Where clients ask: the listen address, the VIP, or the first node.
Endpoint front(const config::Document& document, const std::vector<Endpoint>& listen,
               const std::string& vip, std::uint16_t port) {
    if (!listen.empty()) return listen[0];
    if (const config::Vip* one = document.find_vip(vip)) return {one->addresses.front(), port};
    return {document.nodes[0].address, port};
}

const config::Service* find_service(const config::Document& document, const std::string& text) {
    for (const config::Service& service : document.services) {
        const bool is_alias = std::find(service.aliases.begin(), service.aliases.end(), text) !=
                              service.aliases.end();
        if (service.name == text || is_alias) return &service;
    }
    return nullptr;
}

std::string full_name(const Walk& walk) {
    return walk.service.name + "." + walk.document.domain.to_string();
}

void try_dns(Walk& walk) {
    const auto server = front(walk.document, walk.document.dns.listen, walk.document.dns.vip, 53);
    Hop hop{"dns", full_name(walk) + " A, asked of " + server.to_string(), false, ""};
    const auto answer = ask_address(server, *Name::parse(full_name(walk)), kPatience);
    if (!answer) {
        hop.detail = answer.error().detail + "; does hearth-dns run? (`hearth status`)";
    } else if (answer->rcode != 0 || answer->addresses.empty()) {
        hop.detail = std::string(answer->rcode == 0 ? "no address" : rcode_text(answer->rcode)) +
                     "; does the daemon serve this document? (`hearth reload`)";
    } else {
        hop.is_good = true;
        for (const IpAddress& address : answer->addresses) hop.detail += address.to_string() + " ";
        hop.detail += "ttl " + std::to_string(answer->ttl) + " " + milliseconds(answer->elapsed);
    }
    walk.hops.push_back(std::move(hop));
}

void try_vip(Walk& walk) {
    const config::Vip* vip = walk.document.find_vip(walk.document.proxy.vip);
    const config::Service& service = walk.service;
    const bool has_own = !service.vip.empty();
    if (!has_own && (vip == nullptr || !walk.document.proxy.listen.empty())) return;
    // One that a pool gives is known to hearth-lb alone, by the VIP's name.
    const std::string address = !has_own                    ? vip->addresses.front().to_string()
                                : service.addresses.empty() ? service.vip
                                                            : service.addresses.front().to_string();
    Hop hop{"vip", address, false, ""};
    const auto status = walk.daemons.get("lb", "/status");
    if (!status) {
        hop.detail = "hearth-lb does not answer: " + status.error().detail;
    } else if (const auto* vips = child_of(*status, "vips").if_array()) {
        hop.detail = "hearth-lb does not know it; reload it (`hearth reload`)";
        for (const json::value& one : *vips) {
            if (text_of(one, "address") != address && text_of(one, "name") != address) continue;
            hop.what = text_of(one, "address");
            const auto owner = text_of(one, "owner");
            const auto conflict = text_of(one, "conflict");
            hop.is_good = !owner.empty() && conflict.empty();
            hop.detail = owner.empty() ? "held by no node" : "held by " + owner;
            if (!conflict.empty())
                hop.detail += "; " + conflict + " uses the address too, and is not ours";
        }
    }
    walk.hops.push_back(std::move(hop));
}

bool names_it(const json::value& certificate, const std::string& name) {
    const std::string wildcard = "*" + name.substr(std::min(name.find('.'), name.size()));
    const auto* names = child_of(certificate, "names").if_array();
    if (names == nullptr) return false;
    return std::any_of(names->begin(), names->end(), [&](const json::value& one) {
        const auto* text = one.if_string();
        return text != nullptr && (*text == name || *text == wildcard);
    });
}

// Which certificate the proxy shows. Without one the service is there by plain HTTP.
void try_tls(Walk& walk) {
    if (!walk.document.proxy.serves_https()) return;
    Hop hop{"tls", "https://" + full_name(walk), true, ""};
    const auto status = walk.daemons.get("proxy", "/status");
    if (!status) return;  // the next hop says so
    hop.detail = "no certificate: by plain HTTP alone; `hearth status` may say why";
    if (const auto* certificates = child_of(*status, "certificates").if_array()) {
        for (const json::value& one : *certificates) {
            if (!names_it(one, full_name(walk))) continue;
            const std::int64_t days =
                (number_of(one, "not_after") - std::time(nullptr)) / (24 * 3600);
            hop.is_good = days >= 0;
            const std::string issuer(text_of(one, "issuer"));
            hop.detail = hop.is_good ? "certificate" + (issuer.empty() ? "" : " of " + issuer) +
                                           " ends in " + std::to_string(days) + "d"
                                     : "the certificate has ended; `hearth status` may say why";
            break;
        }
    }
    walk.hops.push_back(std::move(hop));
}

void try_route(Walk& walk) {
    const config::Proxy& proxy = walk.document.proxy;
    const auto server = front(walk.document, proxy.listen, proxy.vip, proxy.http);
    Hop hop{"route", "http://" + full_name(walk) + " at " + server.to_string(), false, ""};
    const auto answer = get_page(server, full_name(walk), kPatience);
    if (!answer) {
        hop.detail = answer.error().detail + "; does hearth-proxy run? (`hearth status`)";
    } else {
        // What a gateway says of the hop behind it (RFC 9110 §15.6).
        hop.is_good = answer->status < 502 || answer->status > 504;
        hop.detail = std::to_string(answer->status) + " " + milliseconds(answer->elapsed);
    }
    walk.hops.push_back(std::move(hop));
}

std::optional<IpAddress> resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
    std::optional<IpAddress> address;
    if (found != nullptr) {
        const auto& in = *reinterpret_cast<const sockaddr_in*>(found->ai_addr);
        address = IpAddress::v4(ntohl(in.sin_addr.s_addr));
    }
    freeaddrinfo(found);
    return address;
}

void try_upstream(Walk& walk, const config::HttpUpstream& upstream) {
    Hop hop{"upstream", upstream.text, false, ""};
    const auto address = upstream.address ? upstream.address : resolve(upstream.host);
    if (!address) {
        hop.detail = upstream.host + " does not resolve on this node";
        walk.hops.push_back(std::move(hop));
        return;
    }
    const Endpoint server{*address, upstream.port};
    hop.what = "http://" + server.to_string();
    if (upstream.text.find(server.to_string()) == std::string::npos)
        hop.what += " (" + upstream.host + ")";
    const auto answer = get_page(server, full_name(walk), kPatience);
    hop.is_good = answer.has_value();
    hop.detail = answer ? std::to_string(answer->status) + " " + milliseconds(answer->elapsed)
                        : answer.error().detail + "; is the service started, and the port right?";
    walk.hops.push_back(std::move(hop));
}

// What the proxy makes of each upstream: its checks, and what the operator has drained.
const json::array* states_of(const json::value& status, const std::string& service) {
    const auto* routes = child_of(status, "routes").if_array();
    if (routes == nullptr) return nullptr;
    for (const json::value& route : *routes) {
        if (text_of(route, "service") == service) return child_of(route, "upstreams").if_array();
    }
    return nullptr;
}

// Upstreams that are not plain HTTP: what the proxy finds when it asks them now, or has found.
void try_by_proxy(Walk& walk) {
    const bool is_stream = walk.service.is_stream();
    const auto answer =
        is_stream ? walk.daemons.get("proxy", "/status")
                  : walk.daemons.get("proxy", "/probe?service=" + url_encode(walk.service.name));
    const auto* upstreams = !answer     ? nullptr
                            : is_stream ? states_of(*answer, walk.service.name)
                                        : child_of(*answer, "upstreams").if_array();
    if (upstreams == nullptr) {
        walk.hops.push_back(
            {"upstream", walk.service.upstreams.front().text, false,
             "hearth-proxy does not say: " +
                 (answer ? "it does not know the service; reload it" : answer.error().detail)});
        return;
    }
    for (const json::value& one : *upstreams) {
        const json::value& good = child_of(one, is_stream ? "up" : "ok");
        Hop hop{"upstream", text_of(one, "url"), good.is_bool() && good.get_bool(), ""};
        const auto status = number_of(one, "status");
        if (status != 0) hop.detail = std::to_string(status) + " ";
        const std::string reason = text_of(one, "reason");
        hop.detail += is_stream || reason.empty() ? text_of(one, "detail") : reason;
        if (hop.is_good && hop.detail.empty()) hop.detail = "takes connections";
        walk.hops.push_back(std::move(hop));
    }
}

// Beside what was tried just now.
void add_states(Walk& walk) {
    const auto status = walk.daemons.get("proxy", "/status");
    const auto* states = status ? states_of(*status, walk.service.name) : nullptr;
    if (states == nullptr || walk.service.is_stream()) return;
    std::size_t next = 0;
    for (Hop& hop : walk.hops) {
        if (hop.name != "upstream" || next == states->size()) continue;
        const json::value& state = (*states)[next++];
        const json::value& up = child_of(state, "up");
        if (child_of(state, "drained").is_bool()) {
            hop.is_good = false;
            hop.detail += "; drained: `hearth upstream undrain` takes that back";
        } else if (up.is_bool() && !up.get_bool() && hop.is_good) {
            hop.is_good = false;
            hop.detail += "; left out: " + text_of(state, "detail");
        }
    }
}

bool is_plain(const config::HttpUpstream& upstream) {
    return upstream.scheme == config::UpstreamScheme::kHttp && upstream.socket_path.empty();
}

void try_upstreams(Walk& walk) {
    const auto& upstreams = walk.service.upstreams;
    if (upstreams.empty()) return;
    if (std::all_of(upstreams.begin(), upstreams.end(), is_plain)) {
        for (const config::HttpUpstream& upstream : upstreams) try_upstream(walk, upstream);
    } else {
        try_by_proxy(walk);
    }
    add_states(walk);
}

// Whom it lets pass; whether it does so for a client is for the client to try.
void tell_middleware(Walk& walk) {
    const std::string chain = middleware_text(walk.service);
    if (!chain.empty()) walk.hops.push_back({"guard", chain, true, "in this order"});
}

// Of several upstreams one is enough, as for the proxy.
bool is_reachable(const std::vector<Hop>& hops, bool has_upstream) {
    for (const Hop& hop : hops) {
        if (hop.name == "upstream") has_upstream = has_upstream || hop.is_good;
        if (hop.name != "upstream" && !hop.is_good) return false;
    }
    return has_upstream;
}

void print_hops(const Walk& walk, const Console& console) {
    TextTable table({"HOP", "TRIED", "", "RESULT"});
    for (const Hop& hop : walk.hops)
        table.add({{hop.name},
                   {hop.what},
                   {hop.is_good ? "ok" : "FAILS", hop.is_good ? Ink::kGood : Ink::kBad},
                   {hop.detail}});
    table.print(console);
}

json::object json_of(const Walk& walk, bool is_good) {
    json::array hops;
    for (const Hop& hop : walk.hops)
        hops.push_back(
            {{"hop", hop.name}, {"tried", hop.what}, {"ok", hop.is_good}, {"detail", hop.detail}});
    return {{"service", walk.service.name}, {"ok", is_good}, {"hops", std::move(hops)}};
}

}  // namespace

Exit run_explain(const Invocation& invocation, Console& console) {
    const auto loaded = config::load(invocation.config());
    if (!loaded) {
        console.err << config::render(loaded.findings);
        return Exit::kInvalid;
    }
    const config::Document& document = *loaded.document;
    std::string wanted = invocation.arguments[0];
    const std::string suffix = "." + document.domain.to_string();
    if (wanted.ends_with(suffix)) wanted.resize(wanted.size() - suffix.size());
    const config::Service* service = find_service(document, wanted);
    if (service == nullptr) {
        std::vector<std::string> names;
        for (const config::Service& one : document.services) names.push_back(one.name);
        const auto meant = config::closest(wanted, names);
        console.complain(wanted + " is not a service of " + invocation.config() +
                             (meant.empty() ? "" : " (did you mean " + meant + "?)"),
                         "`hearth why " + wanted + "` tells what becomes of any other name.");
        return Exit::kUsage;
    }
    Walk walk{document, *service, Daemons(invocation.run_dir()), {}};
    try_dns(walk);
    try_vip(walk);
    if (service->is_http()) try_tls(walk);
    if (!service->upstreams.empty() && !service->is_stream()) try_route(walk);
    tell_middleware(walk);
    try_upstreams(walk);
    const bool is_good = is_reachable(walk.hops, service->upstreams.empty());
    if (invocation.json())
        console.out << json::serialize(json_of(walk, is_good)) << "\n";
    else
        print_hops(walk, console);
    const config::App* app = config::find_app(service->app);
    if (app != nullptr && !invocation.json())
        console.out << config::advice_for(*app, document, service->name);
    return is_good ? Exit::kOk : Exit::kFinding;
}

}  // namespace hearth::cli
