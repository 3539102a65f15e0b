#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "lb/model/mac.h"

namespace hearth::lb {

// The hardware addresses of the other routers: where unicast adverts go, and whose ARP about a
// VIP is no conflict. Learned from whatever they send; asked for by ARP before it ages.
// An address that is not known yields the broadcast address, so an advert always arrives.
class Neighbours {
public:
    // Only these are kept; new ones are asked for at once.
    void set_watched(std::span<const IpAddress> addresses, TimePoint now);
    void learn(IpAddress address, MacAddress mac, TimePoint now) noexcept;
    void forget_all(TimePoint now) noexcept;

    [[nodiscard]] MacAddress mac_of(IpAddress address, TimePoint now) const noexcept;
    [[nodiscard]] bool knows(MacAddress mac) const noexcept;

    // The addresses to ask for now; they count as asked.
    [[nodiscard]] std::vector<IpAddress> take_questions(TimePoint now);
    [[nodiscard]] TimePoint next_deadline() const noexcept;

    static constexpr Duration kLifetime = 60s;
    static constexpr Duration kAskAgain = 20s;
    static constexpr Duration kAskUnknown = 1s;

private:
    struct Entry {
        MacAddress mac;
        TimePoint learned = TimePoint::min();
        TimePoint ask_at{};
    };
    [[nodiscard]] static bool is_fresh(const Entry& entry, TimePoint now) noexcept;

    std::map<IpAddress, Entry> entries_;
};

}  // namespace hearth::lb
