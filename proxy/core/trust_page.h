#pragma once

#include <string>

#include "proxy/core/own_pages.h"

namespace hearth::proxy {

// HTML: the page itself.
[[nodiscard]] std::string trust_page(const OwnSite& site);
// Apple's configuration profile with the root in it; `site` has one.
[[nodiscard]] std::string trust_profile(const OwnSite& site);

}  // namespace hearth::proxy
