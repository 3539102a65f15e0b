#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/core/answer_image.h"
#include "dns/core/wire_view.h"

namespace hearth::dns {

// `name` with the suffix `from` replaced by `to`; one that is not at or under `from` stays.
// nullopt: too long.
[[nodiscard]] std::optional<Name> with_suffix(const Name& name, const Name& from,
                                              const Name& to) noexcept;

// A suffix that clients ask for, and the one that the server knows it by: `example.com` inside the
// house is `default.svc.cluster.local` to the cluster.
struct SuffixPair {
    const Name& inside;
    const Name& outside;
};

// Whether an answer holds signatures or proofs (RFC 4034, RFC 5155).
[[nodiscard]] bool holds_proofs(ByteView packet, const AnswerView& answer) noexcept;

// Tells the answer to a name that was asked by its outside suffix in the names that clients know:
// the question, the owners, and the names in the data of CNAME, NS, PTR, DNAME, MX, SRV, SOA,
// NAPTR, SVCB and HTTPS. Left away are signatures and proofs (RFC 4034, RFC 5155), which hold for
// the outside names only, and the old types whose data may hold compressed names (RFC 3597 §4).
//
// Kept by its user for the buffer; image() is valid until the next map().
class AnswerMapper {
public:
    // `asked` is the name as clients know it. False: the image is malformed, or too long in these
    // names.
    [[nodiscard]] bool map(const AnswerImage& image, const SuffixPair& suffixes, const Name& asked);
    // Leaves signatures and proofs away (RFC 4035 §3.2.1), but for those that were asked for, and
    // every name as it is.
    [[nodiscard]] bool strip(const AnswerImage& image, const Name& asked);
    [[nodiscard]] AnswerImage image() const noexcept;

private:
    enum class Compression : std::uint8_t { kAllowed, kForbidden };
    enum class Task : std::uint8_t { kMap, kStrip };

    [[nodiscard]] bool rewrite(const AnswerImage& image, const SuffixPair& suffixes,
                               const Name& asked);
    [[nodiscard]] bool is_left_away(RrType type) const noexcept;

    [[nodiscard]] bool map_section(ByteView packet, std::size_t& at, unsigned records,
                                   const SuffixPair& suffixes, std::uint16_t& count);
    [[nodiscard]] bool map_record(ByteView packet, const RecordView& record,
                                  const SuffixPair& suffixes);
    // The data from `at` on: `names` names, mapped, and what follows them.
    [[nodiscard]] bool map_data(ByteView packet, const RecordView& record, std::size_t at,
                                unsigned names, const SuffixPair& suffixes);
    [[nodiscard]] bool put_name(ByteView packet, std::size_t& at, const SuffixPair& suffixes,
                                Compression compression);
    void put(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void put_u16(std::uint16_t value);

    std::vector<std::uint8_t> bytes_;
    std::vector<std::uint16_t> ttl_at_;
    std::uint16_t answers_ = 0;
    std::uint16_t additionals_ = 0;
    Rcode rcode_{};
    Name asked_;
    RrType asked_type_{};
    Task task_ = Task::kMap;
};

}  // namespace hearth::dns
