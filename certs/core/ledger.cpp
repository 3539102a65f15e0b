#include "certs/core/ledger.h"

#include <algorithm>
#include <utility>

#include "certs/core/calendar.h"

namespace hearth::certs {
namespace {

constexpr UnixTime kRetry = 60;

}  // namespace

Ledger::Entry* Ledger::find(const WantedLeaf& leaf) noexcept {
    const auto found =
        std::ranges::find_if(entries_, [&](const Entry& each) { return each.wanted == leaf; });
    return found == entries_.end() ? nullptr : &*found;
}

void Ledger::want(std::vector<WantedLeaf> leaves) {
    std::vector<Entry> entries;
    for (WantedLeaf& leaf : leaves) {
        const Entry* before = find(leaf);
        entries.push_back(before != nullptr ? *before : Entry{std::move(leaf), {}, {}, 0});
    }
    entries_ = std::move(entries);
}

void Ledger::hold(const WantedLeaf& leaf, const Validity& validity) {
    if (Entry* entry = find(leaf)) *entry = {leaf, validity, {}, 0};
}

void Ledger::failed(const WantedLeaf& leaf, std::string why, UnixTime now) {
    Entry* entry = find(leaf);
    if (entry == nullptr) return;
    entry->fault = std::move(why);
    entry->not_again_before = now + kRetry;
}

void Ledger::forget_all() {
    for (Entry& entry : entries_) entry = {entry.wanted, {}, {}, 0};
}

const WantedLeaf* Ledger::due(const Validity& root, UnixTime now) const noexcept {
    for (const Entry& entry : entries_) {
        // A clock that was set back must not make anybody wait for the time it told before.
        const bool is_resting =
            now < entry.not_again_before && entry.not_again_before <= now + kRetry;
        if (is_resting) continue;
        if (!entry.held || is_due(*entry.held, entry.wanted.name, root, now)) return &entry.wanted;
    }
    return nullptr;
}

}  // namespace hearth::certs
