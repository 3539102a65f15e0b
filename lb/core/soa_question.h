#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"

namespace hearth::lb {

// The question whose answer proves that hearth-dns serves: the SOA of its own domain, which
// needs nobody else (RFC 1035 §4.1).
[[nodiscard]] std::vector<std::uint8_t> write_soa_question(std::uint16_t id, const Name& domain);

// True for an authoritative-looking positive answer to that question.
[[nodiscard]] bool is_soa_answer(ByteView message, std::uint16_t id) noexcept;

}  // namespace hearth::lb
