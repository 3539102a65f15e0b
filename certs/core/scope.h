#pragma once

#include <string_view>

#include "certs/model/certificate.h"

// What the root of a home may vouch for: its own names and private addresses, so that whoever
// steals its key cannot pass for anybody else.
namespace hearth::certs {

// Of a root made here: the domain, RFC 1918 and fc00::/7 (RFC 4193).
[[nodiscard]] Scope home_scope(std::string_view domain);

[[nodiscard]] bool permits(const Scope& scope, std::string_view name) noexcept;
[[nodiscard]] bool permits(const Scope& scope, const IpAddress& address) noexcept;

// The leaf without the addresses that the root may not sign.
[[nodiscard]] WantedLeaf within(const Scope& scope, WantedLeaf wanted);

// Letters, digits, '-', '_' and dots between them, at most 253 octets: what may stand in a
// certificate, and as the name of a file.
[[nodiscard]] bool is_host_name(std::string_view name) noexcept;

}  // namespace hearth::certs
