#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/mac.h"
#include "base/name.h"

// What the document says of policy: who gets which, and when.
namespace hearth::config {

enum class BlockAnswer { kZero, kNxdomain, kNodata, kRefused, kAddress };

// "ads.example" blocks the name and everything under it, "*.ads.example" only what is under it.
struct NameRule {
    Name name;
    bool only_below = false;
};

// One way to say who is meant.
struct ClientMatch {
    enum class Kind : std::uint8_t { kAddress, kNetwork, kMac, kName };
    Kind kind = Kind::kAddress;
    IpPrefix network;  // with kAddress and kNetwork
    MacAddress mac;
    std::string name;  // in lower case
};

enum class SearchEngine {
    kAll,
    kGoogle,
    kYoutube,
    kYoutubeModerate,
    kBing,
    kDuckDuckGo,
    kBrave,
    kEcosia,
    kPixabay,
    kYandex,
};

// Minutes of a day; `until` at or before `from` is on the next day.
struct DayTime {
    std::uint16_t from = 0;
    std::uint16_t until = 0;
};

enum class ScheduleEffect {
    kOffline,  // every name but those of the house is denied
    kPause,    // nothing is blocked
    kDeny,     // `deny` and `block` of the schedule
};

// What holds for a group at certain times of the week.
struct Schedule {
    std::uint8_t days = 0x7f;  // bit 0: Monday; the day on which a time begins
    std::vector<DayTime> times;
    ScheduleEffect effect = ScheduleEffect::kOffline;
    std::vector<NameRule> deny;
    std::vector<std::size_t> block;  // of blockable_services()
};

// Private addresses in what public upstreams say (DNS rebinding).
struct Rebinding {
    bool protect = true;
    std::vector<NameRule> allow;
};

// Names that are answered here because a standard says so.
struct SpecialNames {
    std::vector<Name> except;  // at and under these: asked like any other name
};

}  // namespace hearth::config
