#pragma once

#include <string>
#include <string_view>

namespace hearth::proxy {

// A request's target or a Referer as logs may keep it: the values of parameters that sound like
// secrets (token, password, api_key, sig, code, …) and a user's name and password before the host
// become "***". `space` holds the text where it differs.
[[nodiscard]] std::string_view without_secrets(std::string_view url, std::string& space);

}  // namespace hearth::proxy
