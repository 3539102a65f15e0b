#pragma once

#include <string>
#include <string_view>

// Paths as they are compared, never as they are forwarded (RFC 3986 §6.2.2): percent-encoding of
// what needs none is undone, "." and ".." are resolved, empty segments left out.
namespace hearth::proxy {

// Whether %2F, %5C and \ separate segments, as some applications take them.
enum class EncodedSlash : bool { kStays, kSeparates };

// The path of a request target, without its query. "/" for "*" and an empty one.
[[nodiscard]] std::string normalised_path(std::string_view target, EncodedSlash slash);

// `path` is `prefix` or lies under it; "/" has everything under it. Both normalised.
[[nodiscard]] bool is_at_or_under(std::string_view path, std::string_view prefix) noexcept;

// The target with `replacement` in place of `prefix`, which its normalised path is at or under.
// What is written after the prefix stays as it was, where the prefix is written plainly.
[[nodiscard]] std::string with_prefix_replaced(std::string_view target, std::string_view prefix,
                                               std::string_view replacement);

}  // namespace hearth::proxy
