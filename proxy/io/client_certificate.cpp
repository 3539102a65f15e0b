// The part of ClientRequest that knows certificates of clients: what the upstream is told, and who
// is refused. A request counts as what its connection has shown, and only where that was asked for
// by the same authorities: a client that has shown one for another name, or none because the name
// its connection was made for asks for none, is told to make a connection of its own (421).

#include <algorithm>

#include "proxy/core/header_edits.h"
#include "proxy/io/client_request.h"

namespace hearth::proxy {

void ClientRequest::tell_certificate(RequestHead& head) {
    const ClientAuth* auth = who_.tls != nullptr ? who_.tls->client_auth() : nullptr;
    const auto set = [&head](std::string_view name, std::string_view value) {
        remove_field(head.headers, name);
        if (!head.headers.full()) head.headers.add({name, value, HeaderId::kOwn});
    };
    set("X-SSL-Client-Verify", auth != nullptr ? auth->verdict() : "NONE");
    if (auth == nullptr || !auth->vouched) return;
    set("X-SSL-Client-CN", auth->name);
    set("X-SSL-Client-DN", auth->subject);
    set("X-SSL-Client-Fingerprint", auth->fingerprint);
}

HopReason ClientRequest::certificate_fault() const noexcept {
    const auto& services = active_->generation->services;
    const ClientAuth* auth = who_.tls != nullptr ? who_.tls->client_auth() : nullptr;
    // The service of the path, and the one whose name was asked for.
    for (const hearth::proxy::Service* service :
         {active_->service->service, services[active_->host_owner].service}) {
        const ClientCertificates& wanted = service->client_certificates;
        if (!wanted.asks()) continue;
        const bool is_required = wanted.use == ClientCertificates::Use::kRequired;
        if (who_.tls == nullptr) {
            if (is_required) return HopReason::kNoCertificate;
            continue;
        }
        const std::string_view id = worker_.client_trust->id_of(service->name);
        if (auth == nullptr || auth->id != id) return HopReason::kMisdirected;
        if (!is_required) continue;
        const bool counts = auth->vouched && (wanted.names.empty() ||
                                              std::find(wanted.names.begin(), wanted.names.end(),
                                                        auth->name) != wanted.names.end());
        if (!counts) return HopReason::kNoCertificate;
    }
    return HopReason::kNone;
}

}  // namespace hearth::proxy
