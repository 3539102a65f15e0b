#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hearth::dns {

struct TopEntry {
    std::string key;
    std::uint64_t count = 0;

    friend bool operator==(const TopEntry&, const TopEntry&) = default;
};

// The most frequent of many keys in bounded memory (Space-Saving; Metwally, Agrawal, El Abbadi
// 2005). Exact as long as no more than `capacity` keys come; beyond that a count may be too high by
// at most total / capacity, and whatever is more frequent than that is there.
class TopCounter {
public:
    explicit TopCounter(std::size_t capacity) : capacity_(capacity) {}

    void add(std::string_view key, std::uint64_t count = 1);
    // The `limit` most frequent, the most frequent first; equals in the order of their keys.
    [[nodiscard]] std::vector<TopEntry> top(std::size_t limit) const;
    // Forgets all but the `limit` most frequent.
    void keep(std::size_t limit);
    [[nodiscard]] std::size_t size() const noexcept { return counts_.size(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    void make_room();

    std::size_t capacity_;
    std::uint64_t floor_ = 0;  // what a newcomer may have had before it was noticed
    std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> counts_;
};

}  // namespace hearth::dns
