#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::proxy {

struct Credentials {
    std::string user;
    std::string password;
};

// Of an Authorization field (RFC 7617): "Basic" and base64 of user:password; nullopt when it is
// anything else, has control characters or is longer than 1 KiB.
[[nodiscard]] std::optional<Credentials> basic_credentials(std::string_view authorization);

}  // namespace hearth::proxy
