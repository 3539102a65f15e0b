// Whatever arrives first on a connection: the reader neither crashes nor changes its mind, however
// much of it has arrived.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "proxy/core/authority.h"
#include "proxy/core/client_hello.h"
#include "proxy/core/octets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using hearth::proxy::ClientHello;
    const std::span<const char> octets{reinterpret_cast<const char*>(data), size};
    const ClientHello whole = hearth::proxy::read_client_hello(octets);
    if (whole.server_name.size() > hearth::proxy::kMaxHost) std::abort();
    for (const char c : whole.server_name) {
        if (!hearth::proxy::is_of(c, hearth::proxy::octet_class::kHost)) std::abort();
    }
    bool decided = false;
    for (std::size_t some = 0; some < std::min<std::size_t>(size, 512); ++some) {
        const ClientHello part = hearth::proxy::read_client_hello(octets.first(some));
        if (decided && part.state == ClientHello::State::kNeedMore) std::abort();
        decided |= part.state != ClientHello::State::kNeedMore;
        if (!decided) continue;
        if (part.state != whole.state || part.server_name != whole.server_name) std::abort();
    }
    return 0;
}
