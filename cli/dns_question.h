#pragma once

#include <cstdint>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "base/result.h"
#include "base/time.h"

namespace hearth::cli {

struct DnsAnswer {
    int rcode = 0;
    std::vector<IpAddress> addresses;  // of the A records
    std::uint32_t ttl = 0;             // of the last of them
    Duration elapsed{};
};

// One question for A with recursion desired (RFC 1035 §4).
[[nodiscard]] std::vector<std::uint8_t> encode_question(std::uint16_t id, const Name& name);
// nullopt: these octets are no answer to that question.
[[nodiscard]] std::optional<DnsAnswer> decode_answer(ByteView message, std::uint16_t id);
[[nodiscard]] std::string_view rcode_text(int rcode) noexcept;

// Blocks until the answer or the timeout.
[[nodiscard]] Result<DnsAnswer> ask_address(const Endpoint& server, const Name& name,
                                            Duration timeout);

}  // namespace hearth::cli
