#pragma once

#include <string>
#include <string_view>

#include "proxy/model/message.h"
#include "proxy/model/policy.h"

namespace hearth::proxy {

// As Content-Encoding has it.
[[nodiscard]] std::string_view to_string(ContentCoding coding) noexcept;

// What the client takes that the rule has, the rule's order deciding among what it likes equally
// (RFC 9110 §12.5.3). Several fields are read as one.
[[nodiscard]] ContentCoding choose_coding(const HeaderTable& request, const Compression& rule);

// Whether it is worth it, and allowed: a body of a type that is listed, not small, not coded
// already, without no-transform (RFC 9110 §8.4, RFC 9111 §5.2.2.6).
[[nodiscard]] bool is_compressible(const ResponseHead& head, const Compression& rule) noexcept;

// Changes the head for a body that will be coded; `etag` keeps the text of a weakened one.
void announce_coding(ResponseHead& head, ContentCoding coding, std::string& etag);
// The answer to another client would differ.
void announce_choice(ResponseHead& head);

}  // namespace hearth::proxy
