#include "cli/dns_question.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "cli/socket.h"

namespace hearth::cli {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kResponse = 0x8000;

// Skips a name without following pointers (RFC 1035 §4.1.4).
void skip_name(ByteReader& reader) {
    while (!reader.failed()) {
        const auto length = reader.u8();
        if (length == 0) return;
        if ((length & 0xc0U) == 0xc0U) return reader.skip(1);
        reader.skip(length);
    }
}

}  // namespace

std::vector<std::uint8_t> encode_question(std::uint16_t id, const Name& name) {
    std::vector<std::uint8_t> message(12 + name.wire().size() + 4);
    ByteWriter writer(message);
    writer.u16(id);
    writer.u16(kRecursionDesired);
    writer.u16(1);
    writer.fill(6, 0);
    writer.bytes(name.wire());
    writer.u16(kTypeA);
    writer.u16(kClassIn);
    return message;
}

std::optional<DnsAnswer> decode_answer(ByteView message, std::uint16_t id) {
    ByteReader reader(message);
    const auto got_id = reader.u16();
    const auto flags = reader.u16();
    const auto questions = reader.u16();
    const auto answers = reader.u16();
    reader.skip(4);
    if (reader.failed() || got_id != id || (flags & kResponse) == 0) return std::nullopt;
    for (unsigned i = 0; i < questions && !reader.failed(); ++i) {
        skip_name(reader);
        reader.skip(4);
    }
    DnsAnswer answer;
    answer.rcode = flags & 0xf;
    for (unsigned i = 0; i < answers && !reader.failed(); ++i) {
        skip_name(reader);
        const auto type = reader.u16();
        const auto klass = reader.u16();
        const auto ttl = reader.u32();
        const auto data = reader.bytes(reader.u16());
        if (reader.failed() || type != kTypeA || klass != kClassIn || data.size() != 4) continue;
        answer.addresses.push_back(IpAddress::from_bytes(data));
        answer.ttl = ttl;
    }
    if (reader.failed()) return std::nullopt;
    return answer;
}

std::string_view rcode_text(int rcode) noexcept {
    static constexpr std::array<std::string_view, 6> kTexts{"NOERROR",  "FORMERR", "SERVFAIL",
                                                            "NXDOMAIN", "NOTIMP",  "REFUSED"};
    return rcode >= 0 && rcode < static_cast<int>(kTexts.size())
               ? kTexts[static_cast<std::size_t>(rcode)]
               : "an error";
}

Result<DnsAnswer> ask_address(const Endpoint& server, const Name& name, Duration timeout) {
    const auto start = std::chrono::steady_clock::now();
    auto socket = Socket::connect(server, SOCK_DGRAM, start + timeout);
    if (!socket) return fail(socket.error());
    std::uint16_t id = 0;
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        return fail(Error::from_errno("getrandom", errno));
    const auto question = encode_question(id, name);
    if (auto sent = socket->send(question); !sent) return fail(sent.error());
    std::array<std::uint8_t, 4096> buffer;
    while (true) {
        const auto size = socket->receive(buffer, start + timeout);
        if (!size) return fail(size.error());
        auto answer = decode_answer({buffer.data(), *size}, id);
        if (!answer) continue;
        answer->elapsed = std::chrono::steady_clock::now() - start;
        return *answer;
    }
}

}  // namespace hearth::cli
