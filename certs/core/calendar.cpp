#include "certs/core/calendar.h"

#include <algorithm>

namespace hearth::certs {
namespace {

constexpr UnixTime kWritten = 1'767'225'600;  // 2026-01-01
constexpr UnixTime kHour = 3600;
constexpr UnixTime kRootLife = 3652 * kDay;  // with the leap days of ten years
constexpr UnixTime kLeafLife = 47 * kDay;

// FNV-1a: any spread will do, as long as it stays the same over restarts.
std::uint32_t spread(std::string_view name) noexcept {
    std::uint32_t hash = 2166136261U;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return hash;
}

}  // namespace

ClockTrust judge_clock(UnixTime now, const Validity* root) noexcept {
    if (now < kWritten) return ClockTrust::kNotSet;
    return root != nullptr && now < root->not_before ? ClockTrust::kBeforeRoot
                                                     : ClockTrust::kTrusted;
}

// The last second counts (RFC 5280 §4.1.2.5), so a life of a day ends a second before its like
// begins.
Validity root_validity(UnixTime now) noexcept { return {now - kHour, now - kHour + kRootLife - 1}; }

Validity leaf_validity(UnixTime now, const Validity& root) noexcept {
    const UnixTime begin = std::max(now - kHour, root.not_before);
    return {begin, std::min(begin + kLeafLife - 1, root.not_after)};
}

Validity client_validity(UnixTime now, int days, const Validity& root) noexcept {
    const UnixTime begin = std::max(now - kHour, root.not_before);
    return {begin, std::min(now + days * kDay, root.not_after)};
}

UnixTime renewal_of(const Validity& leaf, std::string_view name) noexcept {
    const UnixTime life = leaf.not_after - leaf.not_before;
    const UnixTime early = std::min(kDay, life / 24);
    return leaf.not_after - life / 3 - (early > 0 ? spread(name) % early : 0);
}

bool is_due(const Validity& leaf, std::string_view name, const Validity& root,
            UnixTime now) noexcept {
    if (now < leaf.not_before) return true;
    return now >= renewal_of(leaf, name) && leaf.not_after < root.not_after;
}

}  // namespace hearth::certs
