#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "proxy/core/real_client.h"
#include "proxy/model/message.h"

// What of a head is forwarded, and what is put in its place.
namespace hearth::proxy {

// Writes the request head for the upstream into `out` and returns its size; 0 when it does not
// fit. Hop-by-hop fields and everything Connection names are left out. X-Forwarded-*, Forwarded
// and X-Real-IP from a peer that is not trusted are replaced by what we saw; X-Forwarded-* that
// Connection names are not lost, so nobody can strip what we add.
[[nodiscard]] std::size_t write_request_head(const RequestHead& head, const Peer& peer,
                                             const std::vector<IpPrefix>& trusted,
                                             std::span<char> out);

enum class ClientConnection : std::uint8_t { kKeepAlive, kClose, kUpgrade };

// The same for the client. `out_body` is the framing the body leaves in.
[[nodiscard]] std::size_t write_response_head(const ResponseHead& head, BodyKind out_body,
                                              Version client_version, ClientConnection connection,
                                              std::span<char> out) noexcept;

// "X_Forwarded_For", "remote.user": names that frameworks which fold '_', '.' and '-' take
// for a field that carries identity or framing.
[[nodiscard]] bool imitates_identity(std::string_view name) noexcept;

// "Remote-User", "X-Auth-Request-Email", "CF-Connecting-IP": what a proxy that has asked for a
// password, or stands in front, tells a service. Only a trusted peer may.
[[nodiscard]] bool carries_identity(std::string_view name) noexcept;

}  // namespace hearth::proxy
