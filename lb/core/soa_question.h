#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"

namespace hearth::lb {

// The question whose answer proves that hearth-dns serves: the SOA of its own domain, which
// needs nobody else (RFC 1035 §4.1).
// kOther: of a name server that may have to ask somebody, and may not have the name.
enum class SoaServer : std::uint8_t { kOurs, kOther };

[[nodiscard]] std::vector<std::uint8_t> write_soa_question(std::uint16_t id, const Name& domain,
                                                           SoaServer server = SoaServer::kOurs);

// True for an authoritative-looking positive answer to that question; from another server any
// answer will do that tells something about the name, also that there is none.
[[nodiscard]] bool is_soa_answer(ByteView message, std::uint16_t id,
                                 SoaServer server = SoaServer::kOurs) noexcept;

}  // namespace hearth::lb
