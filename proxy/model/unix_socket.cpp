#include "proxy/model/unix_socket.h"

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace hearth::proxy {

Endpoint endpoint_of_socket(std::string_view path) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    std::array<std::uint8_t, 16> octets{0x01};  // 100::/64
    for (std::size_t i = 15; i >= 8; --i, hash >>= 8) octets[i] = static_cast<std::uint8_t>(hash);
    return {IpAddress::from_bytes(octets), 1};
}

}  // namespace hearth::proxy
