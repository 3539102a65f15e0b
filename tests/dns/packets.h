#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dns/model/protocol.h"

// DNS messages made and read by ldns, so that what hearth writes is judged by another's eyes.
namespace hearth::dns::test {

using Packet = std::vector<std::uint8_t>;

struct Ask {
    std::string name{};
    RrType type = RrType::kA;
    std::uint16_t id = 0x1234;
    bool recursion = true;
    bool checking_disabled = false;
    bool edns = true;
    bool dnssec_ok = false;
    std::uint16_t udp_size = 1232;
    Packet options{};  // of the OPT record, in wire form
};
[[nodiscard]] Packet ask(const Ask& question);

// An answer to `question` (a query packet) with records in presentation form.
struct Say {
    std::string rcode = "NOERROR";
    std::vector<std::string> answers{};
    std::vector<std::string> authority{};
    std::vector<std::string> additional{};
    bool truncated = false;
    bool edns = true;
};
[[nodiscard]] Packet say(ByteView question, const Say& answer);

// The data of a record in presentation form ("x. 60 IN MX 10 mail.home."), in wire form.
struct RecordText {
    RrType type{};
    Packet rdata;
};
[[nodiscard]] RecordText record_of(const std::string& text);

// A message as ldns understands it; `valid` is false when it does not.
struct Seen {
    bool valid = false;
    std::uint16_t id = 0;
    std::string rcode;
    bool qr = false, aa = false, tc = false, rd = false, ra = false, ad = false, cd = false;
    std::string question;              // "immich.home. A", letter case as in the message
    std::vector<std::string> answers;  // "immich.home. 60 IN A 10.0.0.100"
    std::vector<std::string> authority;
    std::vector<std::string> additional;
    bool edns = false;
    bool dnssec_ok = false;
    unsigned udp_size = 0;
    unsigned extended_rcode = 0;
    Packet options;
    // Of the EDE option, when there is one.
    int ede = -1;
    std::string ede_text;
};
[[nodiscard]] Seen see(ByteView packet);

}  // namespace hearth::dns::test
