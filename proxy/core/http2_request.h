#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/model/message.h"
#include "proxy/model/refusal.h"

// Request heads of HTTP/2 (RFC 9113 §8.2-§8.3) as the HTTP/1.1 they will leave as: what could mean
// something else there is refused.
namespace hearth::proxy {

// What of a stream follows its head.
enum class StreamEnd : std::uint8_t { kOpen, kEnded };

// Puts a head together from its fields, in order of their arrival: start(), add() for each, then
// finish(). Copies them into memory that the caller lends until the head is no longer used.
class Http2RequestHead {
public:
    static constexpr std::size_t kMaxTarget = 8 * 1024;
    // Of names and values decoded, with the 32 octets for each field of
    // SETTINGS_MAX_HEADER_LIST_SIZE.
    static constexpr std::size_t kMaxOctets = 28 * 1024;

    void start(std::span<char> space) noexcept;
    void add(std::string_view name, std::string_view value) noexcept;
    [[nodiscard]] Refusal finish(StreamEnd end) noexcept;

    // After finish() found nothing wrong.
    [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
    [[nodiscard]] RequestHead& edit_head() noexcept { return head_; }
    // Of all fields so far, those refused included.
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    void add_pseudo(std::string_view name, std::string_view value) noexcept;
    void add_field(std::string_view name, std::string_view value) noexcept;
    void add_cookie(std::string_view name, std::string_view value) noexcept;
    void store_field(std::string_view name, std::string_view value, HeaderId id) noexcept;
    [[nodiscard]] std::string_view store(std::string_view text) noexcept;
    void refuse(Refusal refusal) noexcept;
    [[nodiscard]] Refusal finish_target() noexcept;
    [[nodiscard]] Refusal finish_authority() noexcept;
    void finish_websocket() noexcept;

    std::span<char> space_;
    std::size_t used_ = 0;
    std::size_t octets_ = 0;
    Refusal refusal_ = Refusal::kNone;
    bool in_fields_ = false;  // the pseudo-headers are over
    std::string_view scheme_;
    std::string_view protocol_;  // RFC 8441
    HeaderField* cookie_ = nullptr;
    RequestHead head_;
};

}  // namespace hearth::proxy
