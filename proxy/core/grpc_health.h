#pragma once

#include <string>
#include <string_view>

#include "proxy/core/forward_auth.h"

// gRPC's own way to ask a server how it is: grpc.health.v1.Health/Check.
namespace hearth::proxy {

// The question's head, in HTTP/1.1, and its body. `service`: in gRPC's terms, as "echo.Echo";
// empty: the server as a whole. At most 127 octets.
[[nodiscard]] std::string grpc_health_head(std::string_view host, std::string_view service);
[[nodiscard]] std::string grpc_health_message(std::string_view service);

// What is wrong, by the answer; empty: it serves.
[[nodiscard]] std::string grpc_health_fault(const AuthAnswer& answer);

}  // namespace hearth::proxy
