#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "proxy/core/snapshot.h"

// Certificates of clients. A handshake asks for one when the name it is made for is a service's
// that wants one, and ends well whatever comes: pages say more than alerts. Whether a request may
// pass is decided by what the handshake of its connection has shown, and for whom.
namespace hearth::proxy {

// The authorities that one or more services accept. Immutable.
class ClientTrust {
public:
    struct Issuers;

    ClientTrust() = default;
    // `root`: the home's own, PEM; empty: there is none, and who counts on it lets nobody in.
    [[nodiscard]] static Result<std::shared_ptr<const ClientTrust>> make(
        std::shared_ptr<const Snapshot> snapshot, const std::string& root);

    // Whose connections for that name are asked; null: nobody's.
    [[nodiscard]] std::shared_ptr<const Issuers> of_host(std::string_view host) const;
    // Tells authorities from others; empty where a service asks nobody, or has none.
    [[nodiscard]] std::string_view id_of(const std::string& service) const noexcept;

private:
    std::shared_ptr<const Snapshot> snapshot_;
    std::unordered_map<std::string, std::shared_ptr<const Issuers>> by_service_;
};

// Whether the text holds certificates that could be authorities.
[[nodiscard]] Result<void> check_authorities(const std::string& pem, const std::string& where);

// What a connection was asked for and has shown.
struct ClientAuth {
    std::shared_ptr<const ClientTrust::Issuers> issuers;
    std::string id;           // of the authorities that were asked for
    bool shown = false;       // a certificate whose key the client has …
    bool vouched = false;     // … and one of the authorities has signed
    bool doubted = false;     // something was wrong with it
    std::string name;         // its common name
    std::string subject;      // RFC 4514
    std::string fingerprint;  // SHA-256, lower-case hexadecimal

    // "SUCCESS", "FAILED" or "NONE", as others write it.
    [[nodiscard]] std::string_view verdict() const noexcept {
        return !shown ? "NONE" : vouched ? "SUCCESS" : "FAILED";
    }
};

// Both for `ssl`, an SSL*. Before anything of the ClientHello is acted upon: asks for a certificate
// if the name wants one. Such connections are never resumed: what was shown once is not shown
// again.
[[nodiscard]] std::unique_ptr<ClientAuth> ask_for_certificate(void* ssl, const ClientTrust& trust);
// When the handshake is done.
void read_certificate(void* ssl, ClientAuth& auth);

}  // namespace hearth::proxy
