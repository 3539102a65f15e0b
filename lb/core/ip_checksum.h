#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"

// The Internet checksum (RFC 1071), and what stands for the addresses in it (RFC 8200 §8.1).
namespace hearth::lb {

// Sum of 16-bit words, not yet folded. An odd octet at the end is padded.
[[nodiscard]] inline std::uint32_t sum_words(ByteView bytes, std::uint32_t sum = 0) noexcept {
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) sum += load_be16(bytes.data() + i);
    if (i < bytes.size()) sum += std::uint32_t{bytes[i]} << 8;
    return sum;
}

[[nodiscard]] inline std::uint16_t fold(std::uint32_t sum) noexcept {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

// `length` is of the payload and at most 65,535.
[[nodiscard]] inline std::uint32_t pseudo_header_sum(const IpAddress& source,
                                                     const IpAddress& destination,
                                                     std::uint8_t protocol,
                                                     std::size_t length) noexcept {
    return sum_words(source.bytes()) + sum_words(destination.bytes()) + protocol +
           static_cast<std::uint32_t>(length);
}

}  // namespace hearth::lb
