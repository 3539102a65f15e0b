#include "lb/core/neighbours.h"

#include <algorithm>

namespace hearth::lb {

bool Neighbours::is_fresh(const Entry& entry, TimePoint now) noexcept {
    return entry.learned != TimePoint::min() && now - entry.learned < kLifetime;
}

void Neighbours::set_watched(std::span<const IpAddress> addresses, TimePoint now) {
    std::erase_if(entries_, [&](const auto& item) {
        return std::find(addresses.begin(), addresses.end(), item.first) == addresses.end();
    });
    for (const auto& address : addresses) entries_.try_emplace(address).first->second.ask_at = now;
}

void Neighbours::learn(IpAddress address, MacAddress mac, TimePoint now) noexcept {
    const auto found = entries_.find(address);
    if (found == entries_.end() || mac.is_group() || mac.is_zero()) return;
    found->second = Entry{mac, now, now + kAskAgain};
}

void Neighbours::forget_all(TimePoint now) noexcept {
    for (auto& [address, entry] : entries_) entry = Entry{MacAddress{}, TimePoint::min(), now};
}

MacAddress Neighbours::mac_of(IpAddress address, TimePoint now) const noexcept {
    const auto found = entries_.find(address);
    if (found == entries_.end() || !is_fresh(found->second, now)) return kBroadcastMac;
    return found->second.mac;
}

bool Neighbours::knows(MacAddress mac) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [&](const auto& item) {
        return item.second.learned != TimePoint::min() && item.second.mac == mac;
    });
}

std::vector<IpAddress> Neighbours::take_questions(TimePoint now) {
    std::vector<IpAddress> due;
    for (auto& [address, entry] : entries_) {
        if (now < entry.ask_at) continue;
        entry.ask_at = now + kAskUnknown;
        due.push_back(address);
    }
    return due;
}

TimePoint Neighbours::next_deadline() const noexcept {
    TimePoint next = kNever;
    for (const auto& [address, entry] : entries_) next = std::min(next, entry.ask_at);
    return next;
}

}  // namespace hearth::lb
