#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace hearth::cli {

struct HttpAnswer {
    int status = 0;
    Duration elapsed{};  // until the status line
};

// "HTTP/1.1 200 OK…": the number, when `text` begins so.
[[nodiscard]] std::optional<int> parse_status_line(std::string_view text);

// GET / with that Host; blocks until the status line or the timeout.
[[nodiscard]] Result<HttpAnswer> get_page(const Endpoint& server, const std::string& host,
                                          Duration timeout);

}  // namespace hearth::cli
