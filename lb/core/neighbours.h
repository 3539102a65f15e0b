#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/mac.h"
#include "base/time.h"

namespace hearth::lb {

// The hardware addresses of the other routers: where unicast adverts go, and whose claims to a
// VIP is no conflict. Learned from whatever they send, and asked for by ARP or neighbour discovery:
// often at first, so that two nodes that start together meet, then rarely. An address once learned
// is kept: a node that comes back with another one says so, because it asks for ours.
class Neighbours {
public:
    // Only these are kept; new ones are asked for at once.
    void set_watched(std::span<const IpAddress> addresses, TimePoint now);
    void learn(IpAddress address, MacAddress mac, TimePoint now) noexcept;
    void forget_all(TimePoint now) noexcept;

    // Where to send what is for `address`. Not known yet: the broadcast address for a while,
    // then nowhere; a node that is switched off should not cost the whole LAN a broadcast
    // for every advert.
    [[nodiscard]] std::optional<MacAddress> route_to(IpAddress address,
                                                     TimePoint now) const noexcept;
    [[nodiscard]] bool knows(MacAddress mac) const noexcept;
    // Whose it is, of those that are watched.
    [[nodiscard]] std::optional<IpAddress> owner_of(MacAddress mac) const noexcept;

    // It has answered lately, as far as it was asked.
    [[nodiscard]] bool is_alive(IpAddress address, TimePoint now) const noexcept;

    // It has spoken after `when`.
    [[nodiscard]] bool has_spoken(IpAddress address, TimePoint when) const noexcept;

    // Whether it is there matters now.
    void ask(IpAddress address, TimePoint now) noexcept;
    // The addresses to ask for now; they count as asked.
    [[nodiscard]] std::vector<IpAddress> take_questions(TimePoint now);
    [[nodiscard]] TimePoint next_deadline() const noexcept;

    static constexpr Duration kAcquaintance = 10s;
    static constexpr Duration kAskAtFirst = 1s;
    static constexpr Duration kAskLater = 20s;
    static constexpr Duration kDeadAfter = 2 * kAskLater + kAskAtFirst;

private:
    struct Entry {
        TimePoint since{};  // when it began to be watched, here
        TimePoint ask_at{};
        TimePoint heard_at{};
        std::optional<MacAddress> mac;
    };

    std::map<IpAddress, Entry> entries_;
};

}  // namespace hearth::lb
