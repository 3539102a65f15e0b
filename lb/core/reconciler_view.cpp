// What a reconciler shows of itself.
#include <algorithm>

#include "lb/core/reconciler.h"

namespace hearth::lb {

std::vector<RouterView> Reconciler::view(TimePoint now) const {
    std::vector<RouterView> views;
    for (const auto& router : routers_) {
        const Election& e = router->election;
        RouterView v{&router->settings,   e.state(),         e.priority(),
                     e.health(),          e.master(),        e.since(),
                     router->transitions, router->conflicts, {}};
        if (e.owns(now)) v.master = lan_.address;
        for (const auto& guard : router->guards) v.holders.push_back(guard.holder(now));
        views.push_back(std::move(v));
    }
    return views;
}

std::vector<IpAddress> Reconciler::interface_addresses(TimePoint now) const {
    std::vector<IpAddress> all;
    for (const auto& router : routers_) {
        if (router->settings.announce == Announce::kAddress && router->election.owns(now))
            all.insert(all.end(), router->addresses.begin(), router->addresses.end());
    }
    return all;
}

std::vector<VipPlace> Reconciler::places(TimePoint now) const {
    using Place = VipPlace::Place;
    std::vector<VipPlace> all;
    for (const auto& router : routers_) {
        const Election& election = router->election;
        const bool is_master = election.state() == ElectionState::kMaster ||
                               election.state() == ElectionState::kReleasing;
        const bool is_long_ago = now - election.since() >= kServeAfterMove;
        const Place away = is_long_ago ? Place::kElsewhere : Place::kJustLeft;
        for (const auto& address : router->addresses)
            all.push_back({address, is_master ? Place::kHere : away});
    }
    return all;
}

std::vector<IpAddress> Reconciler::addresses() const {
    std::vector<IpAddress> all;
    for (const auto& router : routers_)
        all.insert(all.end(), router->addresses.begin(), router->addresses.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace hearth::lb
