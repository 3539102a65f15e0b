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

// An answer to HEAD, a part (206) or a 304 of what would be coded for some clients: caches are to
// be told as with the whole (RFC 9110 §9.3.2, §15.3.7, §15.4.5). A 304 rarely says its type.
[[nodiscard]] bool stands_for_compressible(const ResponseHead& head, Method asked,
                                           const Compression& rule) noexcept;
// The fields of If-None-Match, as one.
[[nodiscard]] std::string tags_asked_with(const HeaderTable& request);
// Whether such an answer's tag is the weak one: of what the client asked with (If-None-Match), or
// would be given in that coding.
[[nodiscard]] bool has_weak_tag(const ResponseHead& head, ContentCoding coding,
                                std::string_view asked_with) noexcept;
// Makes a strong ETag weak; `etag` keeps its text.
void weaken_tag(ResponseHead& head, std::string& etag);

// Changes the head for a body that will be coded; `etag` keeps the text of a weakened one.
void announce_coding(ResponseHead& head, ContentCoding coding, std::string& etag);
// The answer to another client would differ.
void announce_choice(ResponseHead& head);

}  // namespace hearth::proxy
