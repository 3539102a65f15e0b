#include "certs/core/scope.h"

#include <algorithm>

namespace hearth::certs {

Scope home_scope(std::string_view domain) {
    Scope scope;
    scope.domains.emplace_back(domain);
    for (const auto text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"})
        scope.networks.push_back(*IpPrefix::parse(text));
    return scope;
}

bool permits(const Scope& scope, std::string_view name) noexcept {
    const auto covers = [name](const std::string& domain) {
        if (!name.ends_with(domain)) return false;
        return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
    };
    return scope.domains.empty() || std::ranges::any_of(scope.domains, covers);
}

bool permits(const Scope& scope, const IpAddress& address) noexcept {
    return scope.networks.empty() || std::ranges::any_of(scope.networks, [&](const IpPrefix& each) {
               return each.contains(address);
           });
}

WantedLeaf within(const Scope& scope, WantedLeaf wanted) {
    std::erase_if(wanted.addresses,
                  [&](const IpAddress& address) { return !permits(scope, address); });
    return wanted;
}

bool is_host_name(std::string_view name) noexcept {
    constexpr std::size_t kMost = 253;  // RFC 1035 §2.3.4, as text
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= kMost && name.front() != '.' && name.back() != '.' &&
           name.find("..") == std::string_view::npos && std::ranges::all_of(name, is_plain);
}

}  // namespace hearth::certs
