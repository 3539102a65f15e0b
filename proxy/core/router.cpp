#include "proxy/core/router.h"

#include <algorithm>
#include <array>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

Router::Router(const std::vector<Service>& services) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        for (const std::string& host : services[i].hosts) by_host_.emplace(host, i);
    }
}

std::optional<std::size_t> Router::find(std::string_view authority) const noexcept {
    const std::string_view host = host_of(authority);
    std::array<char, kMaxHost> folded;
    if (host.size() > folded.size()) return std::nullopt;
    std::transform(host.begin(), host.end(), folded.begin(), to_lower);
    const auto it = by_host_.find(std::string_view(folded.data(), host.size()));
    if (it == by_host_.end()) return std::nullopt;
    return it->second;
}

}  // namespace hearth::proxy
