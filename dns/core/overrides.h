#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/name.h"

namespace hearth::dns {

// Something that was said to the running house rather than written in its document: `hearth allow`,
// `hearth deny`, `hearth blocking off`.
struct Override {
    enum class Kind : std::uint8_t { kAllow, kDeny, kPause };
    static constexpr std::int64_t kForever = 0;

    Kind kind = Kind::kAllow;
    Name name;                        // the root with kPause
    std::string client;               // a group, or a client as groups name them; empty: everybody
    std::int64_t until_s = kForever;  // since 1970 in UTC
    std::int64_t changed_ms = 0;      // when it was said
    std::string node;                 // where
    bool is_lifted = false;           // taken back; kept so that other nodes learn of it

    // What is limited in time holds from when it was said to its end; with a clock that stands
    // before that it does not hold: a pause must not outlive a reboot without a clock.
    [[nodiscard]] bool holds(std::int64_t now_s) const noexcept;

    friend bool operator==(const Override&, const Override&) = default;
};

// All that was said, at most one thing about each name and client (and one pause). Merging any two
// of them, in any order and as often as one likes, ends in the same: what was said last stands;
// said in the same millisecond, the node with the greater name.
class Overrides {
public:
    static constexpr std::size_t kMost = 1000;

    // Whether it was news. Not when something later is known, or when there are too many.
    bool put(const Override& said);
    struct Merged {
        bool is_news = false;      // anything of it
        std::size_t left_out = 0;  // for there are too many
    };
    Merged merge(const Overrides& other);
    // Drops what ended or was lifted so long ago that every node has heard of it.
    bool forget_old(std::int64_t now_s);

    [[nodiscard]] std::vector<Override> all() const;
    [[nodiscard]] std::vector<Override> holding(std::int64_t now_s) const;
    [[nodiscard]] std::size_t size() const noexcept { return said_.size(); }

    friend bool operator==(const Overrides&, const Overrides&) = default;

private:
    using Key = std::tuple<bool, std::string, std::string>;  // pause, name, client
    [[nodiscard]] static Key key_of(const Override& said);

    std::map<Key, Override> said_;
};

}  // namespace hearth::dns
