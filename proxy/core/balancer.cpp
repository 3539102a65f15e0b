#include "proxy/core/balancer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hearth::proxy {

namespace {

constexpr Duration kFirstRest = 1s;
constexpr Duration kLongestRest = 10s;
constexpr Duration kTrial = 1s;  // how long others wait for what a trial shows
constexpr unsigned kMaxDoublings = 4;
constexpr unsigned kMostBrokenOff = 5;
constexpr std::int64_t kWhole = 100;  // the share of weight 1, in hundredths

// The finaliser of splitmix64: every bit of the result depends on every bit given.
std::uint64_t mixed(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

std::uint64_t hash_of(const Endpoint& endpoint) noexcept {
    return mixed(key_of(endpoint.address) ^ mixed(endpoint.port));
}

bool contains(std::span<const Endpoint> all, const Endpoint& one) noexcept {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

void Balancer::configure(Balance how, Duration slow_start) noexcept {
    how_ = how;
    slow_start_ = slow_start;
}

void Balancer::set_targets(std::span<const Target> targets) {
    std::vector<Member> members;
    members.reserve(targets.size());
    for (const Target& target : targets) {
        const Member* known = find(target.endpoint);
        members.push_back(known != nullptr ? *known : Member{});
        members.back().endpoint = target.endpoint;
        members.back().weight = target.weight;
        members.back().load = target.load;
        members.back().turn = 0;
    }
    members_ = std::move(members);
    next_ = 0;
}

void Balancer::set_state(const Endpoint& endpoint, TargetState state, TimePoint now) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr || member->state == state) return;
    if (state == TargetState::kServes) member->back_since = now;
    member->state = state;
}

Balancer::Member* Balancer::find(const Endpoint& endpoint) noexcept {
    const auto it = std::find_if(members_.begin(), members_.end(),
                                 [&](const Member& member) { return member.endpoint == endpoint; });
    return it == members_.end() ? nullptr : &*it;
}

// Grows from a tenth to the whole during the slow start.
std::int64_t Balancer::share(const Member& member, TimePoint now) const noexcept {
    const std::int64_t whole = kWhole * member.weight;
    const Duration back = now - member.back_since;
    if (member.back_since == TimePoint{} || back >= slow_start_) return whole;
    return std::max(whole / 10,
                    whole * (back / 1ms) / std::max(slow_start_ / 1ms, Duration::rep{1}));
}

bool Balancer::is_free(const Member& member, const Asker& asker, TimePoint now) const noexcept {
    return member.state == TargetState::kServes && member.rests_until <= now &&
           !contains(asker.tried, member.endpoint);
}

std::optional<Endpoint> Balancer::pick(const Asker& asker, TimePoint now) {
    Member* member = asker.sticky != 0 ? by_cookie(asker, now) : nullptr;
    if (member == nullptr) {
        switch (how_) {
            case Balance::kRoundRobin: member = by_turn(asker, now); break;
            case Balance::kLeastConnections: member = by_load(asker, now); break;
            case Balance::kSourceHash: member = by_hash(asker, asker.key, now); break;
            case Balance::kRandom: member = by_hash(asker, mixed(++drawn_), now); break;
        }
    }
    if (member == nullptr) member = first_to_return(asker);
    if (member == nullptr) return std::nullopt;
    // A trial; others go elsewhere until it has shown something.
    if (member->failures > 0 || member->broken_off >= kMostBrokenOff)
        member->rests_until = std::max(member->rests_until, now + kTrial);
    return member->endpoint;
}

// Smooth weighted round robin: everybody's turn comes nearer by its share, who is nearest goes
// and steps back by the sum.
Balancer::Member* Balancer::by_turn(const Asker& asker, TimePoint now) noexcept {
    Member* best = nullptr;
    std::int64_t sum = 0;
    for (Member& member : members_) {
        if (!is_free(member, asker, now)) continue;
        const std::int64_t mine = share(member, now);
        sum += mine;
        member.turn += mine;
        if (best == nullptr || member.turn > best->turn) best = &member;
    }
    if (best != nullptr) best->turn -= sum;
    return best;
}

Balancer::Member* Balancer::by_load(const Asker& asker, TimePoint now) noexcept {
    Member* best = nullptr;
    std::size_t best_index = 0;
    double best_load = 0;
    const auto load = [&](const Member& member) {
        const std::size_t running = member.load ? member.load->load(std::memory_order_relaxed) : 0;
        return static_cast<double>(running + 1) / static_cast<double>(share(member, now));
    };
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const std::size_t index = (next_ + i) % members_.size();
        Member& member = members_[index];
        if (!is_free(member, asker, now)) continue;
        const double mine = load(member);  // others change it meanwhile
        if (best != nullptr && mine >= best_load) continue;
        best = &member;
        best_load = mine;
        best_index = index;
    }
    if (best != nullptr) next_ = (best_index + 1) % members_.size();
    return best;
}

// Weighted rendezvous hashing: when an endpoint goes, only its own clients move.
Balancer::Member* Balancer::by_hash(const Asker& asker, std::uint64_t key, TimePoint now) noexcept {
    Member* best = nullptr;
    double best_score = 0;
    for (Member& member : members_) {
        if (!is_free(member, asker, now)) continue;
        const std::uint64_t drawn = mixed(key ^ hash_of(member.endpoint)) >> 11;
        const double uniform = (static_cast<double>(drawn) + 0.5) * 0x1p-53;  // in (0, 1)
        const double score = static_cast<double>(share(member, now)) / -std::log(uniform);
        if (best != nullptr && score <= best_score) continue;
        best = &member;
        best_score = score;
    }
    return best;
}

Balancer::Member* Balancer::by_cookie(const Asker& asker, TimePoint now) noexcept {
    for (Member& member : members_) {
        if (token_of(member.endpoint) == asker.sticky)
            return is_free(member, asker, now) ? &member : nullptr;
    }
    return nullptr;
}

Balancer::Member* Balancer::first_to_return(const Asker& asker) noexcept {
    Member* best = nullptr;
    const auto order = [&](const Member& member) {
        return std::pair(contains(asker.tried, member.endpoint), member.rests_until);
    };
    for (Member& member : members_) {
        if (member.state != TargetState::kServes) continue;
        if (best == nullptr || order(member) < order(*best)) best = &member;
    }
    return best;
}

bool Balancer::succeeded(const Endpoint& endpoint, TimePoint now) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr || (member->known && member->failures == 0)) return false;
    if (member->failures > 0) member->back_since = now;
    member->known = true;
    member->failures = 0;
    if (member->broken_off < kMostBrokenOff) member->rests_until = {};
    return true;
}

bool Balancer::failed(const Endpoint& endpoint, TimePoint now) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr) return false;
    member->known = true;
    rest(*member, member->failures++, now);
    return member->failures == 1;
}

void Balancer::broke_off(const Endpoint& endpoint, TimePoint now) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr || ++member->broken_off < kMostBrokenOff) return;
    rest(*member, member->broken_off - kMostBrokenOff, now);
}

void Balancer::answered(const Endpoint& endpoint) noexcept {
    Member* const member = find(endpoint);
    if (member == nullptr || member->broken_off == 0) return;
    member->broken_off = 0;
    member->rests_until = {};
}

void Balancer::rest(Member& member, unsigned failures, TimePoint now) noexcept {
    const unsigned doublings = std::min(failures, kMaxDoublings);
    member.rests_until = now + std::min(kFirstRest * (1U << doublings), kLongestRest);
}

RunningLoad Balancer::begin(const Endpoint& endpoint) noexcept {
    const Member* const member = find(endpoint);
    return member != nullptr ? RunningLoad(member->load) : RunningLoad();
}

bool Balancer::serves(const Endpoint& endpoint) const noexcept {
    return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
        return member.endpoint == endpoint && member.state == TargetState::kServes;
    });
}

bool Balancer::rests(const Endpoint& endpoint, TimePoint now) const noexcept {
    return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
        return member.endpoint == endpoint && member.rests_until > now;
    });
}

std::uint64_t key_of(const IpAddress& client) noexcept {
    std::uint64_t key = 0;
    for (const std::uint8_t octet : client.bytes()) key = mixed(key ^ octet);
    return key;
}

std::uint64_t token_of(const Endpoint& endpoint) noexcept {
    const std::uint64_t token = mixed(hash_of(endpoint));
    return token != 0 ? token : 1;
}

std::string to_cookie(std::uint64_t token) {
    std::array<char, 16> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), token, 16).ptr;
    return {text.data(), end};
}

std::uint64_t from_cookie(std::string_view text) noexcept {
    std::uint64_t token = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token, 16);
    return error == std::errc{} && end == text.data() + text.size() ? token : 0;
}

}  // namespace hearth::proxy
