#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "dns/core/blocklist.h"
#include "dns/model/asker.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// Which names a rule is about, seen from the name it is written with.
enum class RuleScope : std::uint8_t {
    kName,          // that name alone: "0.0.0.0 ads.example", "ads.example"
    kBelow,         // what is under it: "||*.ads.example^"
    kNameAndBelow,  // both: "||ads.example^", "*.ads.example"
};

enum class RuleWeight : std::uint8_t { kPlain, kImportant };  // $important

// A rule that a name alone decides. `action` is kBlock or kAllow.
struct ListRule {
    Name name;
    RuleScope scope = RuleScope::kName;
    ListAction action = ListAction::kBlock;
    RuleWeight weight = RuleWeight::kPlain;
    bool is_badfilter = false;  // takes back the same rule, wherever it stands

    friend bool operator==(const ListRule&, const ListRule&) = default;
};

// True when the rule is about `qname`.
[[nodiscard]] inline bool covers(const ListRule& rule, const Name& qname) noexcept {
    if (qname == rule.name) return rule.scope != RuleScope::kBelow;
    return rule.scope != RuleScope::kName && qname.is_at_or_under(rule.name);
}

// What $dnsrewrite answers. An allow rule without a record and with kNoError takes all rewriting of
// its names back.
struct RuleRewrite {
    Rcode rcode = Rcode::kNoError;
    std::optional<RrType> type;       // of the record; absent: none
    std::vector<std::uint8_t> rdata;  // in wire form, names uncompressed

    friend bool operator==(const RuleRewrite&, const RuleRewrite&) = default;
};

// A client of $client: by address or network, or by name.
struct RuleClient {
    std::optional<IpPrefix> network;
    std::string name;  // without `network`

    friend bool operator==(const RuleClient&, const RuleClient&) = default;
};

// A rule that takes more than a name to decide: an expression, a condition, an answer of its own.
struct FilterRule {
    // What it is about: `rule.name`; or, when this is not empty, names in which the RE2 expression
    // is found; "." is found in all.
    std::string pattern;
    ListRule rule;
    std::vector<Name> except;   // $denyallow: not these, nor what is under them
    std::vector<RrType> types;  // $dnstype: these alone; empty: all
    std::vector<RrType> not_types;
    std::vector<RuleClient> clients;  // $client: for these alone; empty: all
    std::vector<RuleClient> not_clients;
    std::optional<RuleRewrite> rewrite;

    [[nodiscard]] bool is_personal() const noexcept {
        return !clients.empty() || !not_clients.empty();
    }
    // The name alone decides: `rule` says it all.
    [[nodiscard]] bool is_plain() const noexcept {
        return pattern.empty() && except.empty() && types.empty() && not_types.empty() &&
               !is_personal() && !rewrite;
    }
    friend bool operator==(const FilterRule&, const FilterRule&) = default;
};

// Whether the rule may be about `qname`, its conditions aside. Slow where it has an expression.
[[nodiscard]] bool is_about(const FilterRule& rule, const Name& qname);
// Whether the rule's conditions hold, for a name that it is about.
[[nodiscard]] bool conditions_hold(const FilterRule& rule, const Name& qname,
                                   RrType qtype) noexcept;
[[nodiscard]] bool is_about_client(const FilterRule& rule, const Asker& asker) noexcept;

}  // namespace hearth::dns
