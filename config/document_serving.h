#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"

// How hearth-dns serves its clients.
namespace hearth::config {

// DNS over TLS and HTTPS, with a certificate of PEM files (absolute paths) or of hearth-certs.
struct DnsTls {
    std::string certificate;
    std::string key;
    std::string name;  // what clients are told to expect in it; empty: the VIP's or node's name
    bool local_ca = false;  // hearth-certs'

    [[nodiscard]] bool is_on() const noexcept { return local_ca || !certificate.empty(); }
};

enum class RateLimitAnswer { kTruncate, kRefused, kDrop };

// Of one client: an IPv4 address or an IPv6 /64.
struct RateLimit {
    std::uint32_t queries_per_second = 0;  // 0: nobody is limited
    std::uint32_t burst = 0;               // 0: as many as in three seconds
    RateLimitAnswer answer = RateLimitAnswer::kTruncate;
    std::vector<IpPrefix> exempt;

    friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

}  // namespace hearth::config
