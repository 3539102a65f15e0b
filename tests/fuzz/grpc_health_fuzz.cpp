// The body of an answer of grpc.health.v1: it serves only by saying so.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/core/grpc_health.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::proxy;
    const std::string body(reinterpret_cast<const char*>(data), size);
    if (grpc_health_fault({200, {}, body}).empty() && body.find("\x08") == std::string::npos)
        std::abort();
    return 0;
}
