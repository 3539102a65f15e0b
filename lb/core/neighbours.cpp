#include "lb/core/neighbours.h"

#include <algorithm>

namespace hearth::lb {

void Neighbours::set_watched(std::span<const IpAddress> addresses, TimePoint now) {
    std::erase_if(entries_, [&](const auto& item) {
        return std::find(addresses.begin(), addresses.end(), item.first) == addresses.end();
    });
    for (const auto& address : addresses)
        entries_.try_emplace(address, Entry{now, now, now, std::nullopt});
}

void Neighbours::learn(IpAddress address, MacAddress mac, TimePoint now) noexcept {
    const auto found = entries_.find(address);
    if (found == entries_.end() || mac.is_group() || mac.is_zero()) return;
    found->second.mac = mac;
    found->second.ask_at = now + kAskLater;
    found->second.heard_at = now;
}

void Neighbours::forget_all(TimePoint now) noexcept {
    for (auto& [address, entry] : entries_) entry = Entry{now, now, now, std::nullopt};
}

std::optional<MacAddress> Neighbours::route_to(IpAddress address, TimePoint now) const noexcept {
    const auto found = entries_.find(address);
    if (found == entries_.end()) return std::nullopt;
    const Entry& entry = found->second;
    if (!entry.mac && now - entry.since < kAcquaintance) return kBroadcastMac;
    return entry.mac;
}

bool Neighbours::knows(MacAddress mac) const noexcept { return owner_of(mac).has_value(); }

std::optional<IpAddress> Neighbours::owner_of(MacAddress mac) const noexcept {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& item) { return item.second.mac == mac; });
    if (found == entries_.end()) return std::nullopt;
    return found->first;
}

bool Neighbours::is_alive(IpAddress address, TimePoint now) const noexcept {
    const auto found = entries_.find(address);
    return found != entries_.end() && now - found->second.heard_at < kDeadAfter;
}

bool Neighbours::has_spoken(IpAddress address, TimePoint when) const noexcept {
    const auto found = entries_.find(address);
    return found != entries_.end() && found->second.heard_at > when;
}

void Neighbours::ask(IpAddress address, TimePoint now) noexcept {
    if (const auto found = entries_.find(address); found != entries_.end())
        found->second.ask_at = now;
}

std::vector<IpAddress> Neighbours::take_questions(TimePoint now) {
    std::vector<IpAddress> due;
    for (auto& [address, entry] : entries_) {
        if (now < entry.ask_at) continue;
        entry.ask_at = now + (now - entry.since < kAcquaintance ? kAskAtFirst : kAskLater);
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
