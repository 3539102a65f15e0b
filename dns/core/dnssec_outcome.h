#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// What validation said of an answer (RFC 4035 §4.3); kIndeterminate there is kInsecure here.
enum class Security : std::uint8_t { kUnchecked, kInsecure, kSecure, kBogus };

// An answer of the resolver in this process, with the signatures in it; views valid during the
// call.
struct Resolution {
    ByteView packet;  // empty: none
    Security security = Security::kUnchecked;
    std::string_view why;  // of kBogus
};

// The reason without the validator's preamble, "validation failure <name type class>: ".
[[nodiscard]] std::string_view bogus_reason(std::string_view why) noexcept;
// The error that fits the reason (RFC 8914 §4.7 and on).
[[nodiscard]] EdeCode bogus_error(std::string_view reason) noexcept;

}  // namespace hearth::dns
