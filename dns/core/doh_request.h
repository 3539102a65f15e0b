#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hearth::dns {

inline constexpr std::string_view kDohPath = "/dns-query";
inline constexpr std::string_view kDohType = "application/dns-message";

// What an HTTP request for an answer holds (RFC 8484 §4.1), of whichever version of HTTP.
struct DohRequest {
    std::string_view method;
    std::string_view path;  // with the query string
    std::string_view content_type;
    ByteView body;
};

// Puts the DNS message of a GET's `dns` parameter or of a POST's body into `question`. 200, or the
// status that says what is wrong.
[[nodiscard]] int read_doh_request(const DohRequest& request, std::vector<std::uint8_t>& question);

// How long HTTP caches may keep the answer: the least TTL of its records; of a negative answer what
// its SOA says (RFC 8484 §5.1). 0 when it should not be kept.
[[nodiscard]] std::uint32_t answer_freshness(ByteView answer) noexcept;

// Base64url without padding (RFC 4648 §5); false for anything else.
[[nodiscard]] bool decode_base64url(std::string_view text, std::vector<std::uint8_t>& out);

}  // namespace hearth::dns
