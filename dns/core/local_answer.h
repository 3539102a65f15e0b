#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/core/answer_image.h"
#include "dns/core/snapshot.h"
#include "dns/core/wire_writer.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// Where a question's name leads among the names of the house. Pointers live as long as the
// snapshot.
struct LocalPath {
    static constexpr std::size_t kMaxChain = 8;

    enum class End : std::uint8_t {
        kNotOurs,  // the default upstreams' business
        kForward,  // a forward zone's, group `zone->group`
        kRecords,  // `node` has it, or has not: NODATA
        kNxDomain,
        kNoData,
        kApex,  // NS or SOA of a zone of ours
        kLoopback,
        kCanary,  // NXDOMAIN, unless an allow rule lifts it
        kChainTooLong,
    };

    End end = End::kNotOurs;
    Name name;  // what the chain ends in: the question's name when there is no CNAME of ours
    const Zone* zone = nullptr;
    const LocalNode* node = nullptr;
    std::array<const LocalNode*, kMaxChain> chain{};  // our CNAMEs, in order
    std::size_t chain_size = 0;

    // The zone's suffix stands for another one (SuffixPair): `name` is asked for as sought().
    [[nodiscard]] bool is_rewritten() const noexcept {
        return end == End::kForward && zone->asked_as != nullptr;
    }
    // The name to ask outside; nullopt when it would be too long.
    [[nodiscard]] std::optional<Name> sought() const noexcept;

    [[nodiscard]] bool leads_outside() const noexcept {
        return end == End::kNotOurs || end == End::kForward;
    }
};

// Follows our own CNAMEs. A single label that is no zone stands for itself under the domain.
[[nodiscard]] LocalPath find_local(const Snapshot& snapshot, const Name& qname, RrType qtype);

struct WrittenAnswer {
    std::size_t size = 0;
    Rcode rcode{};
};

// Writes the answer of a path that does not lead outside. `rotation` turns the order of
// several addresses.
[[nodiscard]] WrittenAnswer write_local(ByteSpan out, const AskedQuestion& asked, RrType qtype,
                                        const Snapshot& snapshot, const LocalPath& path,
                                        std::uint32_t rotation);

// Writes the CNAMEs of ours that lead outside, and behind them what the outside says.
[[nodiscard]] WrittenAnswer write_chained(ByteSpan out, const AskedQuestion& asked,
                                          const Snapshot& snapshot, const LocalPath& path,
                                          const AnswerImage& image, std::uint32_t age,
                                          std::uint32_t ttl_cap = UINT32_MAX,
                                          const std::optional<ExtendedError>& error = {});

// The answer to a blocked name (docs/dns.md, "Blocked names").
[[nodiscard]] WrittenAnswer write_blocked(ByteSpan out, const AskedQuestion& asked,
                                          const Name& qname, RrType qtype, const Snapshot& snapshot,
                                          const BlockPolicy& policy, const Verdict& verdict);

}  // namespace hearth::dns
