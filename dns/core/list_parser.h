#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dns/core/filter_rule.h"
#include "dns/core/list_rule.h"
#include "dns/core/rpz_reader.h"

namespace hearth::dns {

// Where a rule was read; `text` is the line without its line end, valid during the call.
struct ListLine {
    std::uint64_t number = 0;  // from 1
    std::string_view text;
};

class RuleSink {
public:
    virtual ~RuleSink() = default;
    virtual void on_rule(const ListRule& rule, const ListLine& line) = 0;
    // A rule that is not is_plain(). False: there are too many of them.
    [[nodiscard]] virtual bool on_filter(const FilterRule& rule, const ListLine& line) = 0;
};

// A line that yielded no rule, for people: printable ASCII, shortened.
struct LineExample {
    std::uint64_t number = 0;
    std::string text;
    std::string reason;
};

struct ListCounts {
    std::uint64_t taken = 0;    // rules
    std::uint64_t skipped = 0;  // valid in some blocker, but not about a name as DNS can decide it
    std::uint64_t invalid = 0;
    std::vector<LineExample> skipped_examples;  // the first few
    std::vector<LineExample> invalid_examples;
    std::uint64_t announced = 0;  // "# Entries: 143,876" in the head of the list; 0: not said
};

// Reads a blocklist in whatever of these forms each line has:
//
//   0.0.0.0 ads.example         hosts (also 127.0.0.1, ::, ::1; several names)   that name
//   ads.example                 plain                                           that name
//   *.ads.example  .ads.example wildcard                                        it and all under it
//   ||ads.example^              AdBlock                                         it and all under it
//   ||*.ads.example^            AdBlock                                         all under it
//   @@||ads.example^            AdBlock, an exception                           it and all under it
//   |ads.example^  ads*.example  /^ads[0-9]+\./  ||a^$important,dnstype=A       see filter_rule.h
//
// or, when its head is that of a zone file, as a response policy zone (rpz_reader.h).
//
// Comments: lines that begin with # ! ; // or [, and what follows " #". Rules about paths or pages
// (cosmetic ones) and those with modifiers that DNS knows nothing of are skipped and counted. Fed
// in pieces split anywhere; memory does not depend on the input.
class ListParser {
public:
    static constexpr std::size_t kMaxLine = 4096;  // a longer line is invalid

    // The sink must outlive the parser.
    explicit ListParser(RuleSink& sink, ListKind kind = ListKind::kBlock)
        : sink_(sink), kind_(kind) {}

    void feed(ByteView bytes);
    void finish();  // the last line may lack its line end

    [[nodiscard]] const ListCounts& counts() const noexcept { return counts_; }

private:
    void line(std::string_view text);
    void comment(std::string_view text);
    void adblock(std::string_view text);
    void filter(ParsedRule parsed);
    void zone_line(std::string_view text);
    void hosts(std::string_view names);
    void single(std::string_view word);
    void take(std::string_view name, RuleScope scope, ListAction action);
    [[nodiscard]] ListAction action_of(ListAction action) const noexcept {
        return kind_ == ListKind::kAllow ? ListAction::kAllow : action;
    }
    void skip(std::string_view reason);
    void reject(std::string_view reason);

    RuleSink& sink_;
    ListKind kind_;
    ListCounts counts_;
    std::optional<RpzReader> zone_;  // the list is a zone
    ListLine current_;
    std::string carry_;  // the beginning of a line whose end has not come yet
    bool overlong_ = false;
};

}  // namespace hearth::dns
