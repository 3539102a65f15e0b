#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/model/protocol.h"

// Reading messages without allocation (RFC 1035 §4.1, RFC 6891). Views point into the
// packet and live as long as it does.
namespace hearth::dns {

// The OPT record (RFC 6891 §6.1).
struct EdnsView {
    std::uint16_t udp_size = 0;
    std::uint8_t extended_rcode = 0;
    std::uint8_t version = 0;
    bool dnssec_ok = false;
    ByteView options;

    // The data of the first option with this code, or nullopt.
    [[nodiscard]] std::optional<ByteView> find(EdnsOption code) const noexcept;
};

// A question as a client sent it.
struct QueryView {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    ByteView
        question;  // name, type and class as asked, letter case included; may be empty upon a fault
    Name qname;
    RrType qtype{};
    RrClass qclass{};
    bool has_edns = false;
    EdnsView edns;

    [[nodiscard]] bool recursion_desired() const noexcept { return (flags & kFlagRd) != 0; }
    [[nodiscard]] bool checking_disabled() const noexcept { return (flags & kFlagCd) != 0; }
};

enum class QueryFault : std::uint8_t {
    kNone,
    kDrop,        // shorter than a header, or itself an answer: answering could feed a loop
    kFormErr,     // the id and flags are there; the question perhaps
    kNotImp,      // an opcode that is not QUERY
    kBadVers,     // EDNS version above 0
    kNoQuestion,  // nothing but an OPT with a cookie: asks for ours (RFC 7873 §5.4)
};

[[nodiscard]] QueryFault parse_query(ByteView packet, QueryView& out) noexcept;

// Reads the name at `offset` and moves `offset` behind it. Compression pointers must point
// strictly backwards, so they end, and not into the header, which changes on the way. nullopt: out
// of bounds, too long, a loop.
[[nodiscard]] std::optional<Name> read_name(ByteView packet, std::size_t& offset) noexcept;

// Reads an uncompressed name within a record's data and moves `offset` behind it.
[[nodiscard]] std::optional<Name> read_rdata_name(ByteView rdata, std::size_t& offset) noexcept;

// Moves `offset` behind the name without following pointers.
[[nodiscard]] bool skip_name(ByteView packet, std::size_t& offset) noexcept;

// One resource record's fixed part. Offsets are into the message.
struct RecordView {
    std::size_t owner_at = 0;
    RrType type{};
    std::uint16_t rr_class = 0;
    std::uint32_t ttl = 0;
    std::size_t ttl_at = 0;
    std::size_t rdata_at = 0;
    std::uint16_t rdata_size = 0;
};

// Reads the record at `offset` and moves behind it; nullopt when it is out of bounds.
[[nodiscard]] std::optional<RecordView> read_record(ByteView packet, std::size_t& offset) noexcept;

[[nodiscard]] EdnsView edns_of(ByteView packet, const RecordView& opt) noexcept;

// True when an OPT's options fill it exactly.
[[nodiscard]] bool options_well_formed(ByteView options) noexcept;

}  // namespace hearth::dns
