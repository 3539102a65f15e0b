#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"
#include "base/result.h"
#include "dns/core/blocklist_hash.h"
#include "dns/model/asker.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// The compiled blocklists: one immutable image, read in place. Written by hearth-lists
// (list_compiler.h), described for people in docs/blocklists.md.
//
//   offset  size  field (little-endian)
//        0     8  magic "HEARTHBL"
//        8     4  version, 2
//       12     4  byte-order mark 0x01020304
//       16    16  key of the hashes and of the checksum
//       32     8  size of the whole image
//       40     8  checksum: SipHash-1-3 of everything from offset 48 on
//       48     4  entries (distinct names)
//       52     4  bucket bits B, 1..31
//       56     4  rule sets
//       60     4  lists, at most 64
//       64     4  fewest labels of any listed name
//       68     4  filter rules
//       72     -  (2^B + 1) x 4   where each bucket begins among the entries; padded to 8
//              -  entries x 8     tag (low 48 bits of the hash) << 16 | rule set
//              -  rule sets x 64  eight list masks, "at" and "below" of each: block, allow,
//                                 important block, important allow
//              -  lists: rules taken (8), kind (1), length of the name (2), the name
//              -  filter rules: list (1), length of the text (2), the text (filter_rule.h)
//
// An entry's bucket is the top B bits of its name's hash. A name that is in several lists, in
// whatever way, has one entry: what each list says of it is in its rule set, and equal rule sets
// are kept once. (A name may have further entries; what they say adds up.)
inline constexpr std::string_view kImageMagic = "HEARTHBL";
inline constexpr std::uint32_t kImageVersion = 2;
inline constexpr std::uint32_t kImageByteOrder = 0x01020304;
inline constexpr std::size_t kImageChecksumEnd = 48;
inline constexpr std::size_t kImageHeader = 72;
inline constexpr std::size_t kMaxLists = 64;
inline constexpr unsigned kTagBits = 48;
inline constexpr std::size_t kMaxRuleSets = 1U << (64 - kTagBits);

// The fixed beginning of an image, checked as far as it goes.
struct ImageHeader {
    SipKey key;
    std::uint64_t size = 0;  // of the whole image
    std::uint64_t checksum = 0;
};
[[nodiscard]] Result<ImageHeader> read_image_header(ByteView beginning);

// Bit i stands for list i of the image.
using ListMask = std::uint64_t;
inline constexpr ListMask kAllLists = ~ListMask{0};

// What a list is for: every rule of an allow list allows.
enum class ListKind : std::uint8_t { kBlock, kAllow };

// kRewrite: $dnsrewrite, of a question's match only.
enum class ListAction : std::uint8_t { kNone, kAllow, kBlock, kRewrite };

// The lists that say a thing: `at` about the name itself, `below` about what is under it.
struct RuleMasks {
    ListMask at = 0;
    ListMask below = 0;

    friend auto operator<=>(const RuleMasks&, const RuleMasks&) = default;
};

// What the lists say about one name: block, allow, important block, important allow.
struct RuleSet {
    std::array<RuleMasks, 4> masks;

    [[nodiscard]] static constexpr std::size_t index_of(ListAction action,
                                                        bool is_important) noexcept {
        return (action == ListAction::kAllow ? 1U : 0U) | (is_important ? 2U : 0U);
    }
    [[nodiscard]] RuleMasks& of(ListAction action, bool is_important) noexcept {
        return masks[index_of(action, is_important)];
    }
    [[nodiscard]] const RuleMasks& of(ListAction action, bool is_important) const noexcept {
        return masks[index_of(action, is_important)];
    }
    friend auto operator<=>(const RuleSet&, const RuleSet&) = default;
};

struct Match {
    ListAction action = ListAction::kNone;
    std::uint32_t list = 0;     // index into BlockSet::lists(), unless kNone
    std::uint32_t rewrite = 0;  // with kRewrite: index for FilterRules::rewrite()
    bool is_personal = false;   // another client may hear otherwise

    friend bool operator==(const Match&, const Match&) = default;
};

class FilterRules;

// Reads an image that it does not own. Safe on any bytes: what open() accepts cannot make match()
// read outside the image. Const calls from any thread.
class BlockSet {
public:
    struct List {
        std::string_view name;  // a view into the image
        std::uint64_t rules = 0;
        ListKind kind = ListKind::kBlock;
    };

    BlockSet() noexcept = default;  // matches nothing

    // `image` must stay mapped, and unchanged, for as long as the BlockSet lives. Reads it once
    // from end to end (checksum).
    [[nodiscard]] static Result<BlockSet> open(ByteView image);

    // What the lists in `lists` say about `qname`. Rewriting goes first, then important allow,
    // important block, allow, block, in whatever list; among rules of one kind the one nearest to
    // the name wins, then the lowest list. No I/O; allocates only where there are expressions.
    [[nodiscard]] Match match(const Name& qname, ListMask lists = kAllLists,
                              RrType qtype = RrType::kA, const Asker& asker = {}) const;

    // Null when no rule of the image takes more than a name.
    [[nodiscard]] const FilterRules* filters() const noexcept { return filters_.get(); }

    [[nodiscard]] const std::vector<List>& lists() const noexcept { return lists_; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_count_; }  // distinct names
    [[nodiscard]] SipKey key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

private:
    [[nodiscard]] Result<void> read_sections(ByteView image);
    [[nodiscard]] Result<void> read_lists(ByteView& bytes, std::size_t count);
    [[nodiscard]] Result<void> read_filters(ByteView bytes, std::size_t count);
    // The lists that say each of the things a RuleSet tells apart, in its order.
    using Weighed = std::array<ListMask, 4>;
    void collect(std::uint64_t hash, bool is_whole, Weighed& out) const noexcept;
    [[nodiscard]] Weighed weigh(const Name& qname, ListMask lists) const noexcept;

    SipKey key_;
    std::uint64_t checksum_ = 0;
    unsigned bucket_shift_ = 0;
    std::uint32_t fewest_labels_ = 0;
    std::size_t entries_count_ = 0;
    std::size_t rule_sets_count_ = 0;
    const std::uint8_t* directory_ = nullptr;
    const std::uint8_t* entries_ = nullptr;
    const std::uint8_t* rule_sets_ = nullptr;
    std::vector<List> lists_;
    std::shared_ptr<const FilterRules> filters_;
};

}  // namespace hearth::dns
