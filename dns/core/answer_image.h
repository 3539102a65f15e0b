#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "dns/core/message.h"
#include "dns/core/wire_writer.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// An answer as it is kept: the message without OPT, the question in lower case, and where its
// TTLs stand. Answering with it is a copy and a few patches. A view; whoever made it owns
// the bytes.
struct AnswerImage {
    ByteView bytes;
    std::span<const std::uint16_t> ttl_at;
    std::uint16_t answers = 0;      // records in the answer section
    std::uint16_t additionals = 0;  // records in the additional section, without OPT
    Rcode rcode{};
    bool is_secure = false;  // validated: AD is set for who asked for it
};

// The image of an upstream's answer, in the packet's own bytes up to OPT; `packet` and `answer`
// must outlive it.
[[nodiscard]] AnswerImage image_of(ByteView packet, const AnswerView& answer) noexcept;

// Writes the image as the answer to `asked`, whose question must be the image's except for case.
// TTLs are lowered by `age` seconds and then capped. AD is set when it is_secure and the client
// wants to know (RFC 6840 §5.7), and never because an upstream said so.
[[nodiscard]] std::size_t write_image(ByteSpan out, const AskedQuestion& asked,
                                      const AnswerImage& image, std::uint32_t age,
                                      std::uint32_t ttl_cap,
                                      const std::optional<ExtendedError>& error = {}) noexcept;

// Appends to an answer that begins with CNAMEs of ours (see query_pipeline.cpp) the
// records of the image's answer section that a chain is made of: addresses, CNAMEs and
// all types whose data holds no compressed name.
void append_chain(ResponseWriter& out, const AnswerImage& image, std::uint32_t age,
                  std::uint32_t ttl_cap = UINT32_MAX) noexcept;

}  // namespace hearth::dns
