#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/name.h"
#include "dns/core/answer_options.h"
#include "dns/core/wire_view.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// An Extended DNS Error to go with an answer (RFC 8914); sent only to who sent an OPT.
struct ExtendedError {
    EdeCode code = EdeCode::kOther;
    std::string_view text;
};

// What an answer needs to know of its question. Kept apart from QueryView because a question
// that is being forwarded outlives its packet.
struct AskedQuestion {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    ByteView question;            // may be empty
    const Name* qname = nullptr;  // the question's name, with the question
    bool has_edns = false;
    bool dnssec_ok = false;
    std::size_t size_limit = kPlainUdpSize;  // what the client takes over this transport
    AnswerOptions options;                   // of the answer's OPT

    [[nodiscard]] static AskedQuestion over_udp(const QueryView& query) noexcept;
    [[nodiscard]] static AskedQuestion over_tcp(const QueryView& query) noexcept;
    // Whether AD means anything to the client (RFC 6840 §5.7).
    [[nodiscard]] bool wants_security() const noexcept {
        return dnssec_ok || (flags & kFlagAd) != 0;
    }
    // Octets that the answer's OPT takes, an error and padding not counted; 0: there is none.
    [[nodiscard]] std::size_t opt_size() const noexcept;
};

enum class Authority { kAuthoritative, kRecursive };

// SOA values of a zone of ours (RFC 1035 §3.3.13). The serial never matters: nobody transfers it.
struct Soa {
    Name zone;
    Name primary;
    std::uint32_t ttl = 60;  // also MINIMUM
};

// Writes one answer into a caller's buffer of any size. Names are compressed against the
// question, which is where nearly all of an answer's names end. What does not fit the
// client's size is replaced by the bare question with TC=1; OPT is kept (RFC 6891 §7).
class ResponseWriter {
public:
    ResponseWriter(ByteSpan out, const AskedQuestion& asked, Rcode rcode,
                   Authority authority) noexcept;

    // Records of the answer section; `owner` empty means the question's name.
    void address(const Name* owner, std::uint32_t ttl, const IpAddress& address) noexcept;
    void target(const Name* owner, RrType type, std::uint32_t ttl, const Name& target) noexcept;
    void record(const Name* owner, RrType type, std::uint32_t ttl, ByteView rdata) noexcept;
    void hinfo_rfc8482(std::uint32_t ttl) noexcept;
    void soa_answer(const Soa& soa) noexcept;
    // The SOA of a negative answer, in the authority section; after the answers.
    void soa_authority(const Soa& soa) noexcept;
    void soa_authority(const Name& zone, std::uint32_t ttl, ByteView rdata) noexcept;
    // Records from here on belong to the additional section; they are left away when they do not
    // fit (RFC 2181 §9).
    void begin_additional() noexcept;

    // Ends the message with OPT where the client sent one; the answer's size, 0 when not even
    // the header fits.
    [[nodiscard]] std::size_t finish(const std::optional<ExtendedError>& error = {}) noexcept;

private:
    void name(const Name& name) noexcept;
    void owner(const Name* owner) noexcept;
    void soa_record(const Soa& soa) noexcept;

    const AskedQuestion& asked_;
    ByteSpan buffer_;
    Rcode rcode_;
    Authority authority_;
    ByteWriter out_;
    std::uint16_t answers_ = 0;
    std::uint16_t authorities_ = 0;
    std::uint16_t additionals_ = 0;
    std::size_t required_ = 0;  // octets in front of the additional section; 0: there is none
};

// Appends OPT to the `size` octets of a message in `buffer`, with the error if the client's
// limit leaves room for it; the new size. The caller has left room for asked.opt_size().
inline constexpr std::size_t kOptSize = 11;
std::size_t append_opt(ByteSpan buffer, std::size_t size, const AskedQuestion& asked, Rcode rcode,
                       const std::optional<ExtendedError>& error) noexcept;

// Header flags of an answer to `asked`: QR, RA, and RD and CD as asked.
[[nodiscard]] std::uint16_t answer_flags(std::uint16_t asked, Rcode rcode,
                                         Authority authority) noexcept;

// Writes the question alone with TC=1 (RFC 2181 §9).
[[nodiscard]] std::size_t write_truncated(ByteSpan out, const AskedQuestion& asked, Rcode rcode,
                                          Authority authority) noexcept;

// A question to an upstream: RD=1, CD and DO as asked, OPT unless `edns_size` is 0, and our loop
// tag in it when `tag` is not empty.
struct UpstreamQuestion {
    std::uint16_t id = 0;
    const Name& qname;
    RrType qtype{};
    bool checking_disabled = false;
    bool dnssec_ok = false;
    std::uint16_t edns_size = kEdnsUdpSize;
    ByteView tag{};
    std::uint64_t letters = 0;  // see mix_letters()
    ByteView cookie{};          // RFC 7873; empty: none
    std::optional<IpPrefix> client_subnet{};
};
// Turns letters of a name in wire form into capitals, by the bits of `letters`: an answer that
// echoes them was made by who saw the question (draft-vixie-dnsext-dns0x20).
void mix_letters(ByteSpan name, std::uint64_t letters) noexcept;
[[nodiscard]] std::size_t write_upstream_question(ByteSpan out, const UpstreamQuestion& q) noexcept;

}  // namespace hearth::dns
