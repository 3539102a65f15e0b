#pragma once

#include <optional>
#include <string_view>

#include "certs/model/certificate.h"

// From when until when, and when again. `now` is always an argument.
namespace hearth::certs {

// Whether certificates may be dated by a clock that says `now`.
enum class ClockTrust : std::uint8_t {
    kTrusted,
    kNotSet,      // before this program was written: a machine without a battery, just started
    kBeforeRoot,  // before the root was made
};
[[nodiscard]] ClockTrust judge_clock(UnixTime now, const Validity* root) noexcept;

// Ten years, begun an hour ago: other machines' clocks need not be as exact as ours.
[[nodiscard]] Validity root_validity(UnixTime now) noexcept;
// At most 47 days, within the root's.
[[nodiscard]] Validity leaf_validity(UnixTime now, const Validity& root) noexcept;

// So many days, within the root's.
[[nodiscard]] Validity client_validity(UnixTime now, int days, const Validity& root) noexcept;

// When a leaf is to be replaced: with a third of its life left, or up to a day before, other names
// at other times.
[[nodiscard]] UnixTime renewal_of(const Validity& leaf, std::string_view name) noexcept;

// Also a leaf from the future is: the clock was wrong when it was made. One that ends with its root
// is not: no other would live longer.
[[nodiscard]] bool is_due(const Validity& leaf, std::string_view name, const Validity& root,
                          UnixTime now) noexcept;

}  // namespace hearth::certs
