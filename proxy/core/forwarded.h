#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/ip.h"
#include "proxy/model/message.h"

// The Forwarded header field (RFC 7239 §4), read strictly:
//
//   Forwarded = element *( OWS "," OWS element )      element = pair *( ";" pair )
//   pair      = token "=" ( token / quoted-string )
//
// A quoted string with a backslash is refused: nobody needs one, and readers differ over it.
namespace hearth::proxy {

// What one proxy said; views into the field.
struct ForwardedElement {
    std::optional<IpAddress> client;  // of for=; none where it is hidden or unknown
    std::string_view proto;
    std::string_view host;
};

class ForwardedChain {
public:
    static constexpr std::size_t kMost = 16;

    // All Forwarded fields of a head. Empty when there is none, or when one is malformed or they
    // have more than kMost elements: half of a chain must not be taken for the whole.
    [[nodiscard]] static ForwardedChain of(const HeaderTable& headers) noexcept;

    // The client's own proxy first.
    [[nodiscard]] std::span<const ForwardedElement> elements() const noexcept {
        return {elements_.data(), size_};
    }

private:
    [[nodiscard]] bool add_field(std::string_view value) noexcept;

    std::size_t size_ = 0;
    std::array<ForwardedElement, kMost> elements_{};
};

}  // namespace hearth::proxy
