#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "dns/core/random_source.h"
#include "dns/core/upstream_cookie.h"
#include "dns/model/upstream_server.h"

namespace hearth::dns {

using UpstreamIndex = std::uint16_t;

// Whether an upstream's answers repeat the question letter by letter.
enum class LetterCase : std::uint8_t { kUnknown, kKept, kLost };

// What one worker knows of one upstream.
struct Upstream {
    UpstreamServer server;
    Duration smoothed_rtt{};  // RFC 6298 §2; 0: never answered
    Duration rtt_variance{};
    unsigned timeouts_in_row = 0;  // above 0: in doubt
    TimePoint answered_at{};       // last
    TimePoint timed_out_at{};      // last
    TimePoint rest_until{};        // in doubt: not probed before
    bool is_dead = false;
    bool speaks_edns = true;
    LetterCase letters = LetterCase::kUnknown;
    UpstreamCookie cookie;
    bool takes_cookies = true;
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t timeouts = 0;
};

// The upstreams of one worker, by index; indices stay valid for its life, over reloads. Chooses
// by strategy. One that let a question time
// out is in doubt: as long as another answers it is only probed, with a real question that the
// other gets too; after three in a row it is dead. The first answer brings it back.
class UpstreamTable {
public:
    // Which to ask, and which doubtful one to ask as well, to see whether it is back.
    struct Choice {
        std::optional<UpstreamIndex> use;
        std::optional<UpstreamIndex> probe;
    };

    // Finds it, or adds it.
    [[nodiscard]] UpstreamIndex index_of(const UpstreamServer& server);

    // From `candidates` without those in `tried`, unless all were tried. Nothing when all are dead
    // and none is due for a probe.
    [[nodiscard]] Choice choose(std::span<const UpstreamIndex> candidates,
                                std::span<const UpstreamIndex> tried, UpstreamStrategy strategy,
                                TimePoint now, RandomSource& random);

    void on_sent(UpstreamIndex index) noexcept { ++upstreams_[index].sent; }
    void on_answer(UpstreamIndex index, Duration rtt, TimePoint now) noexcept;
    void on_timeout(UpstreamIndex index, TimePoint now) noexcept;
    void speaks_no_edns(UpstreamIndex index) noexcept { upstreams_[index].speaks_edns = false; }

    [[nodiscard]] UpstreamCookie& cookie(UpstreamIndex index) noexcept {
        return upstreams_[index].cookie;
    }
    void takes_no_cookies(UpstreamIndex index) noexcept { upstreams_[index].takes_cookies = false; }

    void keeps_letters(UpstreamIndex index) noexcept {
        upstreams_[index].letters = LetterCase::kKept;
    }
    void loses_letters(UpstreamIndex index) noexcept {
        upstreams_[index].letters = LetterCase::kLost;
    }

    // How long to wait for an answer before asking again.
    [[nodiscard]] Duration patience(UpstreamIndex index) const noexcept;

    [[nodiscard]] const Upstream& operator[](UpstreamIndex index) const noexcept {
        return upstreams_[index];
    }
    [[nodiscard]] const std::vector<Upstream>& all() const noexcept { return upstreams_; }

private:
    std::vector<Upstream> upstreams_;
};

}  // namespace hearth::dns
