#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/model/hop_error.h"

namespace hearth::proxy {

enum class PageFormat : std::uint8_t { kHtml, kJson };

// HTML for who asks for it, JSON for programs (RFC 9110 §12.5.1, by mention only).
[[nodiscard]] PageFormat page_format(std::string_view accept) noexcept;

// Everything a page tells. Views need to live only during the call.
struct ErrorPage {
    HopError error;
    int status = 502;
    std::string_view host;      // as the client asked for it
    std::string_view service;   // empty when none was found
    std::string_view upstream;  // the endpoint that was tried last
    // Names, addresses and reasons are for people of the house.
    bool show_details = false;
    std::vector<std::string_view> known_hosts;  // for an unknown host
    std::string_view request_id{};              // by which logs know the request; for everybody
};

// The body; everything that came from outside is escaped.
[[nodiscard]] std::string render(const ErrorPage& page, PageFormat format);

// What happened, and what to do about it: a sentence each.
[[nodiscard]] std::string_view message_of(const HopError& error);
[[nodiscard]] std::string_view advice_of(const HopError& error);

[[nodiscard]] std::string_view status_text(int status) noexcept;

}  // namespace hearth::proxy
