#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dns/core/filter_rule.h"

namespace hearth::dns {

// Reads a response policy zone in the form of a zone file, line by line
// (draft-vixie-dnsop-dns-rpz-00): its triggers that are names. "CNAME ." and "CNAME *." block,
// "rpz-passthru." allows, records rewrite. Whoever blocks answers in the house's own way.
class RpzReader {
public:
    // A line that only the head of a zone file has.
    [[nodiscard]] static bool is_head(std::string_view line) noexcept;

    // `line` with its leading blanks, without its line end. nullopt: it holds no rule.
    [[nodiscard]] std::optional<ParsedRule> read(std::string_view line);

private:
    [[nodiscard]] ParsedRule rule_of(std::string_view type, std::string_view data) const;
    [[nodiscard]] std::optional<std::string> relative(std::string_view owner) const;

    std::string origin_;    // absolute, with its final dot; empty: not said
    std::string owner_;     // of the last record, as written
    bool is_open_ = false;  // a parenthesis
};

}  // namespace hearth::dns
