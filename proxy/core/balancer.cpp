#include "proxy/core/balancer.h"

#include <algorithm>

namespace hearth::proxy {

namespace {
constexpr Duration kFirstRest = 1s;
constexpr Duration kLongestRest = 10s;
constexpr unsigned kMaxDoublings = 4;
}  // namespace

void Balancer::set_endpoints(std::span<const Endpoint> endpoints) {
    std::vector<Member> members;
    members.reserve(endpoints.size());
    for (const Endpoint& endpoint : endpoints) {
        const Member* known = find(endpoint);
        members.push_back(known != nullptr ? *known : Member{.endpoint = endpoint});
    }
    members_ = std::move(members);
    next_ = 0;
}

Balancer::Member* Balancer::find(const Endpoint& endpoint) noexcept {
    const auto it = std::find_if(members_.begin(), members_.end(),
                                 [&](const Member& member) { return member.endpoint == endpoint; });
    return it == members_.end() ? nullptr : &*it;
}

std::optional<Endpoint> Balancer::pick(std::span<const Endpoint> tried, TimePoint now) {
    if (members_.empty()) return std::nullopt;
    if (members_.size() == 1) return members_.front().endpoint;
    const Member* best = nullptr;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const Member& member = members_[(next_ + i) % members_.size()];
        if (std::find(tried.begin(), tried.end(), member.endpoint) != tried.end()) continue;
        if (member.rests_until <= now) {
            next_ = (next_ + i + 1) % members_.size();
            return member.endpoint;
        }
        if (best == nullptr || member.rests_until < best->rests_until) best = &member;
    }
    if (best == nullptr) best = &members_[next_];
    return best->endpoint;
}

bool Balancer::succeeded(const Endpoint& endpoint) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr || (member->known && member->failures == 0)) return false;
    member->known = true;
    member->failures = 0;
    member->rests_until = {};
    return true;
}

bool Balancer::failed(const Endpoint& endpoint, TimePoint now) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr) return false;
    member->known = true;
    const unsigned doublings = std::min(member->failures++, kMaxDoublings);
    member->rests_until = now + std::min(kFirstRest * (1U << doublings), kLongestRest);
    return member->failures == 1;
}

bool Balancer::rests(const Endpoint& endpoint, TimePoint now) const noexcept {
    return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
        return member.endpoint == endpoint && member.rests_until > now;
    });
}

}  // namespace hearth::proxy
