#include <algorithm>
#include <map>

#include "config/check.h"
#include "config/places.h"
#include "config/suggest.h"

// Which service gets what: paths under others, hosts, the default.
namespace hearth::config {
namespace {

std::vector<std::string> proxied_services(const Document& document) {
    std::vector<std::string> names;
    for (const Service& service : document.services)
        if (service.is_proxied()) names.push_back(service.name);
    return names;
}

// The service that `name` refers to; reports one that is not there.
const Service* expect_proxied(CheckContext& context, const std::string& name, Span place) {
    const Service* found = context.document.find_service(name);
    if (found != nullptr && found->is_proxied()) return found;
    context.diagnostics.error(place,
                              found != nullptr ? name + " does not go through the proxy"
                                               : name + " is no service of this document",
                              closest(name, proxied_services(context.document)));
    return nullptr;
}

void check_under(CheckContext& context, const Service& service) {
    if (service.under.empty()) return;
    const Span place = place_of(context.root, {"services", service.name, "under"});
    const Service* owner = expect_proxied(context, service.under, place);
    if (owner == nullptr) return;
    if (owner->is_stream())
        context.diagnostics.error(place, owner->name + " is passed on as it is: nobody sees paths");
    else if (owner->name == service.name)
        context.diagnostics.error(place, "a service has all of its own paths already");
    else if (!owner->under.empty())
        context.diagnostics.error(
            place, owner->name + " is itself under " + owner->under + ": write that one");
}

// Asked by itself, a service would ask for ever.
void check_forward_auth(CheckContext& context, const Service& service) {
    for (const Middleware& one : service.middleware) {
        if (!one.forward_auth) continue;
        const Span place =
            one.name.empty()
                ? place_of(context.root, {"services", service.name, "middleware"})
                : place_of(context.root, {"middleware", one.name, "forward_auth", "service"});
        const Service* asked = expect_proxied(context, one.forward_auth->service, place);
        if (asked == nullptr) continue;
        if (asked->upstreams.empty())
            context.diagnostics.error(place, asked->name + " has no upstream that could be asked");
        else if (asked->is_stream())
            context.diagnostics.error(place,
                                      asked->name + " is passed on as it is: it cannot be asked");
        else if (asked->name == service.name)
            context.diagnostics.error(place, "a service cannot be asked about itself");
    }
}

bool has_port_alone(const Service& service) {
    return service.is_stream() && service.upstreams.front().scheme != UpstreamScheme::kTls;
}

void check_stream(CheckContext& context, const Service& service) {
    if (!service.is_stream()) return;
    const Span place = place_of(context.root, {"services", service.name});
    if (!has_port_alone(service) && !context.document.proxy.serves_https())
        context.diagnostics.error(place,
                                  "tls upstreams are reached at the HTTPS port, and the proxy has "
                                  "none: write proxy.listen_https, or leave out proxy.listen");
}

// Certificates are asked for before a path is known, and only under TLS.
void check_client_certificates(CheckContext& context, const Service& service) {
    const ClientCertificates& wanted = service.client_certificates;
    const Span place = place_of(context.root, {"services", service.name, "client_certificates"});
    const Service* owner = context.document.find_service(service.under);
    if (owner != nullptr && wanted.use != ClientCertificateUse::kOff &&
        (owner->client_certificates.use == ClientCertificateUse::kOff ||
         owner->client_certificates.ca != wanted.ca))
        context.diagnostics.error(place,
                                  "certificates are asked for by name, before a path is "
                                  "known: write the same at " +
                                      owner->name);
    if (wanted.use == ClientCertificateUse::kOff) return;
    if (!context.document.proxy.serves_https())
        context.diagnostics.error(place,
                                  "certificates are shown under TLS, and the proxy has no HTTPS "
                                  "port: write proxy.listen_https, or leave out proxy.listen");
    if (wanted.use == ClientCertificateUse::kRequired && service.https == HttpsUse::kOptional)
        context.diagnostics.error(place,
                                  "with https: optional nobody would need a certificate: leave "
                                  "one of them out");
    if (wanted.ca.empty() && !context.document.proxy.tls.local_ca)
        context.diagnostics.error(place,
                                  "whose certificates? proxy.tls.local_ca is off: {use: required, "
                                  "ca: family.pem}");
}

using Claims = std::map<std::string, Span>;

void claim(CheckContext& context, Claims& claims, const std::string& what, Span place) {
    const auto [first, is_new] = claims.emplace(what, place);
    if (is_new) return;
    context.diagnostics.error(place, what + " leads to another service already")
        .notes.push_back(context.diagnostics.note(first->second, "it is here"));
}

}  // namespace

void check_routes(CheckContext& context) {
    Claims hosts;
    Claims paths;
    for (const Service& service : context.document.services) {
        check_under(context, service);
        check_forward_auth(context, service);
        check_client_certificates(context, service);
        for (std::size_t i = 0; i < service.hosts.size(); ++i)
            claim(context, hosts, service.hosts[i],
                  item_place(context.root, {"services", service.name, "hosts"}, i));
        for (std::size_t i = 0; i < service.paths.size(); ++i)
            claim(context, paths,
                  service.under + (service.paths[i].exact ? " =" : " ") + service.paths[i].path,
                  item_place(context.root, {"services", service.name, "paths"}, i));
    }
    for (const Service& service : context.document.services) check_stream(context, service);
    const std::string& fallback = context.document.proxy.default_service;
    if (fallback.empty()) return;
    const Span place = place_of(context.root, {"proxy", "default_service"});
    const Service* service = expect_proxied(context, fallback, place);
    if (service != nullptr && has_port_alone(*service))
        context.diagnostics.error(place, fallback + " is found by its port and has no names");
}

}  // namespace hearth::config
