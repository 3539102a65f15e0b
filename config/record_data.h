#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/name.h"
#include "config/field.h"

namespace hearth::config {

// Record data as zone files write it ("10 mx1.example.") in wire form (RFC 1035 §5.1). In the
// document a name of one label stands under `domain`, also behind "_sip._udp.", a longer one for
// itself.
[[nodiscard]] Parsed<std::vector<std::uint8_t>> record_data(const std::string& type,
                                                            const std::string& text,
                                                            const Name& domain);

// A text as TXT data: pieces of at most 255 octets (RFC 1035 §3.3.14).
[[nodiscard]] std::vector<std::uint8_t> text_data(std::string_view text);

}  // namespace hearth::config
