#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"

namespace hearth::bench {

// Questions to ask, in shares of a hundred: names that the server has in its cache, names that it
// blocks, and names never asked before. Deterministic.
struct QuestionMix {
    std::vector<Name> cached;
    std::vector<Name> blocked;
    unsigned cached_share = 100;
    unsigned blocked_share = 0;  // the rest is new names under `fresh_zone`
    std::string fresh_zone;
};

enum class QuestionKind : std::uint8_t { kCached, kBlocked, kFresh };

class QuestionSource {
public:
    // `mix` must outlive the source; `stream` keeps the new names of several sources apart.
    QuestionSource(const QuestionMix& mix, unsigned stream) : mix_(mix), stream_(stream) {}

    // Writes an A question with this ID into `packet`.
    struct Question {
        std::size_t size = 0;
        QuestionKind kind = QuestionKind::kCached;
    };
    [[nodiscard]] Question next(ByteSpan packet, std::uint16_t id);

private:
    const QuestionMix& mix_;
    unsigned stream_;
    std::uint64_t random_ = 0x9e3779b97f4a7c15;
    std::uint64_t fresh_ = 0;
};

// Whether `answer` is what a question of that kind must get: no error, and an address that is
// 0.0.0.0 exactly when the name is blocked.
[[nodiscard]] bool is_right(ByteView answer, QuestionKind kind) noexcept;

// One name a line.
[[nodiscard]] std::vector<Name> read_names(const std::string& path);

}  // namespace hearth::bench
