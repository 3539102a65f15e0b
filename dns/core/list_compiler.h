#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dns/core/blocklist.h"
#include "dns/core/list_rule.h"

namespace hearth::dns {

// Builds an image (blocklist.h) from rules in any order. A rule costs 12 bytes until finish(),
// which needs the image's size besides, whatever the length of the names. The same key and rules
// give the same bytes.
class ListCompiler {
public:
    explicit ListCompiler(SipKey key) : key_(key) {}

    // Rules added from now on belong to this list. kTooLarge at the 65th.
    [[nodiscard]] Result<void> begin_list(std::string_view name, ListKind kind = ListKind::kBlock);

    // Only after begin_list(). The root is not a name that can be listed.
    void add(const ListRule& rule);
    // A rule that is_plain() counts as the rule it holds. False when there are too many of the
    // others, or of expressions among them (FilterRules::kMost, NamePatterns::kMost).
    [[nodiscard]] bool add(const FilterRule& rule);

    // The image. The compiler is empty afterwards.
    [[nodiscard]] Result<std::vector<std::uint8_t>> finish();

private:
    // Two halves, so that three fields take 12 bytes.
    struct Record {
        std::uint32_t hash_high;
        std::uint32_t hash_low;
        std::uint32_t value;  // list and kind of rule; after merge() the rule set

        [[nodiscard]] std::uint64_t hash() const noexcept {
            return std::uint64_t{hash_high} << 32 | hash_low;
        }
    };
    struct List {
        std::string name;
        std::uint64_t rules = 0;
        ListKind kind = ListKind::kBlock;
    };

    // Sorted parts make the whole sorted: a record's part is the top bits of its hash.
    static constexpr unsigned kPartBits = 8;
    using Part = std::vector<Record>;

    // $badfilter: what is taken back, in every list.
    using TakenBack = std::pair<std::uint64_t, std::uint32_t>;  // hash and kind of rule
    struct Filter {
        std::uint32_t list = 0;
        std::string text;  // as to_string() gives it
    };

    void merge(Part& part);
    [[nodiscard]] bool is_taken_back(const Record& record) const noexcept;
    void drop_filters_taken_back();
    void keep(Part& part, std::size_t& kept, std::uint64_t hash, const RuleSet& rules);
    [[nodiscard]] std::uint32_t intern(const RuleSet& rules);
    [[nodiscard]] bool can_intern(const RuleSet& rules) const;
    [[nodiscard]] std::vector<std::uint8_t> write_image(std::size_t entries);

    SipKey key_;
    std::vector<List> lists_;
    std::array<Part, 1U << kPartBits> parts_;
    std::map<RuleSet, std::uint32_t> rule_set_ids_;
    std::vector<RuleSet> rule_sets_;
    std::vector<Filter> filters_;
    std::size_t patterns_ = 0;           // among filters_
    std::vector<TakenBack> taken_back_;  // sorted by finish()
    std::set<std::string> filters_taken_back_;
    std::uint32_t fewest_labels_ = UINT32_MAX;
};

}  // namespace hearth::dns
