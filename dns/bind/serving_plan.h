#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/core/rate_limiter.h"
#include "dns/core/zone.h"
#include "dns/io/worker.h"

// From the document to how clients are served; pure functions.
namespace hearth::dns {

// Where what is listened on: plain at port 53 (or dns.listen); with a certificate TLS at 853 and
// HTTPS at dns.https, on the VIP's and the node's address or where the document says.
[[nodiscard]] std::vector<ListenAddress> listen_addresses(const config::Document& document,
                                                          const config::Node* node);

[[nodiscard]] bool serves_tls(const config::Document& document) noexcept;
[[nodiscard]] bool serves_https(const config::Document& document) noexcept;

// What this node's certificate must be called; empty: nothing tells.
[[nodiscard]] std::string certificate_name(const config::Document& document,
                                           const config::Node* node);

// Tells devices how to reach this server over TLS and HTTPS (RFC 9461, RFC 9462): SVCB records at
// _dns.resolver.arpa and at _dns.NAME. Nothing without a certificate.
void add_discovery(LocalZones& zones, const config::Document& document);

// Null: nobody is limited.
[[nodiscard]] std::shared_ptr<RateLimiter> make_rate_limiter(const config::RateLimit& limit,
                                                             SipKey key);

}  // namespace hearth::dns
