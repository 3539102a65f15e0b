#pragma once

namespace hearth::dns {

// Whether the wall clock can be right: it is not before the year this program was written in. A
// board without a battery starts in 1970, and learns the time through the DNS.
[[nodiscard]] bool clock_is_known() noexcept;

}  // namespace hearth::dns
