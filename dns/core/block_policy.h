#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "dns/core/blocklist.h"
#include "dns/model/asker.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

class SafeSearch;
struct RewriteAnswer;

enum class RuleReach : std::uint8_t { kNameAndBelow, kBelowOnly };

// A few names of the document, matched at and under each. Immutable once filled.
class NameRules {
public:
    void add(const Name& name, RuleReach reach);
    // The rule nearest to `qname`, as the index in the order of add().
    [[nodiscard]] std::optional<std::uint32_t> match(const Name& qname) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    [[nodiscard]] const std::vector<std::string>& texts() const noexcept { return texts_; }

private:
    static constexpr std::uint32_t kNoRule = UINT32_MAX;
    struct Rules {
        std::uint32_t at = kNoRule;
        std::uint32_t below = kNoRule;
    };
    struct WireHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view wire) const noexcept {
            return std::hash<std::string_view>{}(wire);
        }
    };
    std::unordered_map<std::string, Rules, WireHash, std::equal_to<>> names_;
    std::vector<std::string> texts_;
};

// A compiled image with what keeps its bytes in place.
struct BlockLists {
    BlockSet set;
    std::shared_ptr<const void> storage;
};

enum class BlockStyle : std::uint8_t { kZero, kNxDomain, kNoData, kRefused, kAddress };

enum class VerdictSource : std::uint8_t {
    kNothing,
    kAllowRule,
    kDenyRule,
    kAllowList,
    kBlockList,
    kRebinding,
    kListRewrite,  // $dnsrewrite: answered with what a list says
};

// What a list blocks or answers itself.
[[nodiscard]] constexpr bool is_of_list(VerdictSource source) noexcept {
    return source == VerdictSource::kBlockList || source == VerdictSource::kListRewrite;
}

// Why a name passes or not. `index` is into BlockSet::lists(), or into the rules, with the number
// of the layer from 1 on (0: the document's own) in its upper octet; with kListRewrite the list is
// in the upper octet and the index for FilterRules::rewrite() below it.
struct Verdict {
    VerdictSource source = VerdictSource::kNothing;
    bool is_personal = false;  // another client of the group may hear otherwise
    std::uint32_t index = 0;

    [[nodiscard]] bool blocked() const noexcept {
        return source == VerdictSource::kDenyRule || source == VerdictSource::kBlockList ||
               source == VerdictSource::kRebinding || source == VerdictSource::kListRewrite;
    }
    // Of the list that speaks, with kAllowList, kBlockList and kListRewrite.
    [[nodiscard]] std::uint32_t list() const noexcept {
        return source == VerdictSource::kListRewrite ? index >> 24 : index;
    }
    [[nodiscard]] bool allowed() const noexcept {
        return source == VerdictSource::kAllowRule || source == VerdictSource::kAllowList;
    }
    [[nodiscard]] bool allowed_by_rule() const noexcept {
        return source == VerdictSource::kAllowRule;
    }
};

enum class RuleAction : std::uint8_t { kAllow, kDeny };

// Rules that go before the document's own allow and deny: those of a group, of a schedule, of
// `hearth allow` and `hearth deny`.
struct RuleLayer {
    RuleAction action = RuleAction::kDeny;
    std::shared_ptr<const NameRules> rules;
    std::string place;         // where they are written: "blocking.groups.tv.deny"
    std::string text;          // what an Extended DNS Error says: "Filtered for group tv"
    std::string client = {};   // with `hearth allow` and `hearth deny`: for whom alone
    std::string service = {};  // the rules are the names of this service: "youtube"
};

// What is blocked and how it is answered. In this order, the first that has something to say:
// the layers one by one, the document's allow, the document's deny, then the lists: rewriting,
// important allow, important block, allow, block.
struct BlockPolicy {
    bool enabled = true;
    std::string off_by;  // while not enabled: where that is written
    std::string group;                              // its name; empty: of clients in no group
    std::vector<RuleLayer> layers;                  // at most 255
    std::uint16_t upstreams = 0;                    // who is asked: index into Snapshot::groups
    std::shared_ptr<const SafeSearch> safe_search;  // null: off
    BlockStyle style = BlockStyle::kZero;
    std::optional<IpAddress> address;  // with kAddress
    std::uint32_t ttl = 10;
    std::shared_ptr<const NameRules> allow;
    std::shared_ptr<const NameRules> deny;
    std::shared_ptr<const BlockLists> lists;  // null until an image was loaded
    ListMask active_lists = kAllLists;        // those of the image that the document still names
    // "Blocked by <list>" for each list of the image, for EDE.
    std::shared_ptr<const std::vector<std::string>> list_texts;

    [[nodiscard]] Verdict verdict(const Name& qname, RrType qtype = RrType::kA,
                                  const Asker& asker = {}) const;
    // What a list answers, with kListRewrite.
    [[nodiscard]] const RewriteAnswer& rewrite_of(const Verdict& verdict) const noexcept;
    // What an Extended DNS Error says; a view into this policy.
    [[nodiscard]] std::string_view explain(const Verdict& verdict) const noexcept;
    [[nodiscard]] EdeCode ede(const Verdict& verdict) const noexcept;
    // The layer a verdict comes from; null: the document's allow or deny, a list, or nothing.
    [[nodiscard]] const RuleLayer* layer_of(const Verdict& verdict) const noexcept;
    // The rule of an allow or deny verdict as it is written, empty for others.
    [[nodiscard]] std::string_view rule_text(const Verdict& verdict) const noexcept;
};

}  // namespace hearth::dns
