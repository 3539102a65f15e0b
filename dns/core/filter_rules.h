#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/name.h"
#include "dns/core/blocklist.h"
#include "dns/core/list_rule.h"
#include "dns/core/name_patterns.h"
#include "dns/core/zone.h"
#include "dns/model/asker.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// What rules with $dnsrewrite answer to a name: those of one target and the same conditions
// together.
struct RewriteAnswer {
    Rcode rcode = Rcode::kNoError;
    LocalNode node;  // its records; with a CNAME the name leads to another one
};

// The rules of an image that take more than a name to decide (FilterRule), ready to be asked.
// Immutable once built; const calls from any thread.
class FilterRules {
public:
    static constexpr std::size_t kMost = 20'000;  // in one image

    struct Listed {
        std::uint32_t list = 0;
        FilterRule rule;
    };
    explicit FilterRules(std::vector<Listed> rules);

    // What the rules of `lists` say about `qname`, each mask a set of lists.
    struct Findings {
        ListMask block = 0;
        ListMask allow = 0;
        ListMask important_block = 0;
        ListMask important_allow = 0;
        std::optional<std::uint32_t> rewrite;  // index of a RewriteAnswer
        bool is_personal = false;              // another client may hear otherwise
    };
    [[nodiscard]] Findings find(const Name& qname, RrType qtype, const Asker& asker,
                                ListMask lists) const;

    [[nodiscard]] const RewriteAnswer& rewrite(std::uint32_t index) const noexcept {
        return rewrites_[index].answer;
    }
    [[nodiscard]] std::uint32_t list_of_rewrite(std::uint32_t index) const noexcept {
        return rewrites_[index].list;
    }
    [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }

private:
    struct Rewrite {
        std::uint32_t list = 0;
        RewriteAnswer answer;
    };
    struct Rule {
        Listed listed;
        std::uint32_t rewrite = 0;  // with rule.rewrite
    };

    void add_rewrite(Rule& rule, std::unordered_map<std::string, std::uint32_t>& known);
    void weigh(const Rule& rule, const Name& qname, RrType qtype, const Asker& asker, Findings& out,
               bool& is_taken_back) const;

    std::vector<Rule> rules_;
    std::vector<Rewrite> rewrites_;
    std::unordered_multimap<Name, std::uint32_t> by_name_;
    std::vector<std::uint32_t> about_all_;
    std::vector<std::uint32_t> with_pattern_;  // by place in patterns_
    NamePatterns patterns_;
    std::size_t fewest_labels_ = SIZE_MAX;  // of the names in by_name_
};

}  // namespace hearth::dns
