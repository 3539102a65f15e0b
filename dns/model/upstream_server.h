#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"

namespace hearth::dns {

enum class UpstreamProtocol : std::uint8_t {
    kUdp,    // and TCP for what does not fit (RFC 1035, RFC 7766)
    kTcp,    // RFC 7766
    kTls,    // RFC 7858
    kHttps,  // RFC 8484
    // Not elsewhere, but in this process: libunbound (io/resolver.h).
    kRecursive,  // asks the servers of the zones, from the root on
    kValidator,  // checks (RFC 4035) what the servers of a group say, whom it asks through us
};

[[nodiscard]] constexpr bool is_resolver(UpstreamProtocol protocol) noexcept {
    return protocol >= UpstreamProtocol::kRecursive;
}

// Who is asked for what is not ours. Its address is known by the time it is asked.
struct UpstreamServer {
    Endpoint endpoint;  // kRecursive: none; kValidator: one of those it asks
    UpstreamProtocol protocol = UpstreamProtocol::kUdp;
    std::string host;  // whose certificate it must show, with kTls and kHttps; may be an address
    std::string path;  // with kHttps: "/dns-query"
    std::vector<std::string> pins;  // SHA-256 of the keys one of which its certificate must have,
                                    // instead of an authority's word (RFC 7858 §4.2); may be empty
    std::optional<IpPrefix> client_subnet;  // told to it (RFC 7871)
    std::string unresolved;  // a name whose address is to be found; the endpoint has its port

    UpstreamServer() = default;
    UpstreamServer(const Endpoint& server) : endpoint(server) {}  // NOLINT: plain DNS needs no more
    UpstreamServer(const Endpoint& server, UpstreamProtocol spoken, std::string name,
                   std::string resource = {})
        : endpoint(server), protocol(spoken), host(std::move(name)), path(std::move(resource)) {}

    // "9.9.9.9:53", "tls://9.9.9.9:853#dns.quad9.net",
    // "https://9.9.9.9:443/dns-query#dns.quad9.net", "recursive", "validator"
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const UpstreamServer&, const UpstreamServer&) = default;
};

// In which order the servers of a group are asked.
enum class UpstreamStrategy : std::uint8_t {
    kFastest,   // by smoothed round trip time, and now and then another to know its time
    kStrict,    // as written: the next one only while those before it do not answer
    kParallel,  // the two fastest at once; the first good answer counts
};

}  // namespace hearth::dns
