#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "dns/core/server_cookie.h"

namespace hearth::dns {

// What the OPT of an answer carries besides an error. Nothing is sent that was not asked for.
struct AnswerOptions {
    bool has_cookie = false;
    bool wants_nsid = false;          // RFC 5001; `nsid` is what is sent
    std::uint16_t keepalive = 0;      // RFC 7828: in 100 ms; 0: not sent
    std::uint16_t padding_block = 0;  // RFC 7830: the message's size becomes a multiple of it
    WholeCookie cookie;               // RFC 7873
    std::string_view nsid;            // lives as long as the snapshot

    // Octets without padding.
    [[nodiscard]] std::size_t size() const noexcept;
    void write(ByteWriter& out) const noexcept;
    // Fills a message of `size` octets so far, of `limit` at most, with a PADDING option.
    [[nodiscard]] std::size_t padding_after(std::size_t size, std::size_t limit) const noexcept;
};

// RFC 8467 §4.1: what hides an answer's length well at little cost.
inline constexpr std::uint16_t kPaddingBlock = 468;

}  // namespace hearth::dns
