#include "proxy/core/router.h"

#include <algorithm>
#include <array>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"
#include "proxy/core/url_path.h"

namespace hearth::proxy {

Router::Router(const std::vector<Service>& services, std::optional<std::size_t> fallback)
    : fallback_(fallback) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        const StreamKind kind = services[i].stream.kind;
        if (kind == StreamKind::kTcp || kind == StreamKind::kUdp) continue;  // they have ports
        for (const std::string& host : services[i].hosts) by_host_.emplace(host, i);
        for (const std::string& host : services[i].further_hosts) {
            if (host.starts_with("*.")) {
                by_suffix_.emplace(host.substr(1), i);
            } else {
                by_host_.emplace(host, i);
            }
        }
        const auto owner = std::find_if(services.begin(), services.end(), [&](const Service& one) {
            return one.name == services[i].under;
        });
        if (owner == services.end()) continue;
        auto& branches = branches_[static_cast<std::size_t>(owner - services.begin())];
        for (const PathRule& rule : services[i].paths) branches.push_back({&rule, i});
    }
    const auto rank = [](const Branch& branch) {
        return std::pair(branch.rule->kind == PathRule::Kind::kExact, branch.rule->path.size());
    };
    for (auto& [owner, branches] : branches_) {
        std::stable_sort(branches.begin(), branches.end(),
                         [&](const Branch& a, const Branch& b) { return rank(a) > rank(b); });
    }
}

void Router::find_owner(std::string_view authority, Route& route) const noexcept {
    const std::string_view host = host_of(authority);
    std::array<char, kMaxHost> folded;
    if (host.size() > folded.size()) return;
    std::transform(host.begin(), host.end(), folded.begin(), to_lower);
    const std::string_view name(folded.data(), host.size());
    route.service = fallback_;
    if (const auto it = by_host_.find(name); it != by_host_.end()) {
        route.service = it->second;
        route.is_named = true;
        return;
    }
    for (auto dot = name.find('.'); dot != std::string_view::npos && !by_suffix_.empty();
         dot = name.find('.', dot + 1)) {
        const auto it = by_suffix_.find(name.substr(dot));
        if (it == by_suffix_.end()) continue;
        route.service = it->second;
        return;
    }
}

const Router::Branch* Router::branch_for(const std::vector<Branch>& branches,
                                         std::string_view path) const noexcept {
    for (const Branch& branch : branches) {
        const PathRule& rule = *branch.rule;
        if (rule.kind == PathRule::Kind::kExact ? path == rule.path
                                                : is_at_or_under(path, rule.path))
            return &branch;
    }
    return nullptr;
}

Route Router::find(std::string_view authority, std::string_view target) const {
    Route route;
    find_owner(authority, route);
    if (!route.service) return route;
    route.owner = *route.service;
    const auto known = branches_.find(route.owner);
    if (known == branches_.end()) return route;
    const Branch* plain = branch_for(known->second, normalised_path(target, EncodedSlash::kStays));
    const Branch* other =
        branch_for(known->second, normalised_path(target, EncodedSlash::kSeparates));
    const auto service_of = [&](const Branch* branch) {
        return branch != nullptr ? branch->service : route.owner;
    };
    route.ambiguous = service_of(plain) != service_of(other);
    if (plain == nullptr) return route;
    route.service = plain->service;
    route.rule = plain->rule;
    return route;
}

}  // namespace hearth::proxy
