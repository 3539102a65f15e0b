#include "dns/core/top_counter.h"

#include <algorithm>

namespace hearth::dns {

void TopCounter::add(std::string_view key, std::uint64_t count) {
    if (const auto found = counts_.find(key); found != counts_.end()) {
        found->second += count;
        return;
    }
    if (counts_.size() >= capacity_) make_room();
    counts_.emplace(key, floor_ + count);
}

// An eighth at once, so that a flood of new keys costs little for each.
void TopCounter::make_room() {
    std::vector<std::uint64_t> values;
    values.reserve(counts_.size());
    for (const auto& [key, count] : counts_) values.push_back(count);
    const auto cut = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 8);
    std::nth_element(values.begin(), cut, values.end());
    floor_ = std::max(floor_, *cut);
    std::size_t leaving = values.size() / 8 + 1;
    std::erase_if(counts_, [&](const auto& one) {
        if (leaving == 0 || one.second > floor_) return false;
        --leaving;
        return true;
    });
}

std::vector<TopEntry> TopCounter::top(std::size_t limit) const {
    std::vector<TopEntry> all;
    all.reserve(counts_.size());
    for (const auto& [key, count] : counts_) all.push_back({key, count});
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
    std::partial_sort(all.begin(), end, all.end(), [](const TopEntry& a, const TopEntry& b) {
        return a.count != b.count ? a.count > b.count : a.key < b.key;
    });
    all.erase(end, all.end());
    return all;
}

void TopCounter::keep(std::size_t limit) {
    if (counts_.size() <= limit) return;
    const auto kept = top(limit);
    counts_.clear();
    for (const auto& one : kept) counts_.emplace(one.key, one.count);
}

}  // namespace hearth::dns
