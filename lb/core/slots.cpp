#include "lb/core/slots.h"

#include <algorithm>
#include <numeric>

namespace hearth::lb {
namespace {

constexpr std::size_t kEnough = 24;
constexpr std::size_t kMost = 240;

// Takes turns by weight, and spreads each one's turns evenly: a, b, a, c, a for 3, 1, 1.
class Turns {
public:
    Turns(std::vector<std::size_t> shares) : shares_(std::move(shares)), credit_(shares_.size()) {}

    std::size_t next() {
        const auto total = std::accumulate(shares_.begin(), shares_.end(), std::size_t{0});
        for (std::size_t i = 0; i < shares_.size(); ++i)
            credit_[i] += static_cast<long>(shares_[i]);
        const auto most = std::max_element(credit_.begin(), credit_.end());
        *most -= static_cast<long>(total);
        return static_cast<std::size_t>(most - credit_.begin());
    }

private:
    std::vector<std::size_t> shares_;
    std::vector<long> credit_;
};

std::vector<std::size_t> shares_of(std::span<const Backend> backends) {
    std::size_t divisor = 0;
    std::vector<std::size_t> shares;
    for (const Backend& backend : backends) {
        shares.push_back(backend.weight);
        divisor = std::gcd(divisor, shares.back());
    }
    for (auto& share : shares) share /= std::max<std::size_t>(divisor, 1);
    const auto total = std::accumulate(shares.begin(), shares.end(), std::size_t{0});
    if (total > kMost)
        for (auto& share : shares) share = std::max<std::size_t>(share * kMost / total, 1);
    return shares;
}

}  // namespace

std::size_t slot_count(std::span<const Backend> backends) {
    if (backends.size() <= 1) return 1;
    const auto shares = shares_of(backends);
    const auto total = std::accumulate(shares.begin(), shares.end(), std::size_t{0});
    return total * ((kEnough + total - 1) / total);
}

Slots share_slots(std::span<const Backend> backends, const Away& away) {
    Slots slots(slot_count(backends));
    auto shares = shares_of(backends);
    Turns homes(shares);
    bool is_anybody_there = false;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        if (away.contains(backends[i].endpoint))
            shares[i] = 0;
        else
            is_anybody_there = true;
    }
    if (!is_anybody_there) return slots;
    Turns guests(shares);
    for (auto& slot : slots) {
        const auto home = homes.next();
        slot = backends[shares[home] > 0 ? home : guests.next()].endpoint;
    }
    return slots;
}

}  // namespace hearth::lb
