// Lists are read from whoever wrote them. Split anywhere they must yield the same, and what
// was taken must be found again in the compiled image.

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "dns/core/list_compiler.h"
#include "dns/core/list_parser.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

class Collector : public RuleSink {
public:
    void on_rule(const ListRule& rule, const ListLine& line) override {
        if (line.text.size() > ListParser::kMaxLine) std::abort();
        rules.emplace_back(rule, line.number);
    }
    bool on_filter(const FilterRule& rule, const ListLine& line) override {
        filters.emplace_back(rule, line.number);
        return true;
    }
    std::vector<std::pair<ListRule, std::uint64_t>> rules;
    std::vector<std::pair<FilterRule, std::uint64_t>> filters;
};

std::pair<Collector, ListCounts> parse(ByteView bytes, std::size_t piece) {
    Collector collector;
    ListParser parser(collector);
    for (; bytes.size() > piece; bytes = bytes.subspan(piece)) parser.feed(bytes.first(piece));
    parser.feed(bytes);
    parser.finish();
    return {std::move(collector), parser.counts()};
}

void expect_same(const std::pair<Collector, ListCounts>& a,
                 const std::pair<Collector, ListCounts>& b) {
    if (a.second.taken != b.second.taken || a.second.skipped != b.second.skipped ||
        a.second.invalid != b.second.invalid || a.second.announced != b.second.announced)
        std::abort();
    if (a.first.rules != b.first.rules || a.first.filters != b.first.filters) std::abort();
}

// A rule as the image keeps it is read back as the same rule.
void expect_round_trip(const FilterRule& rule) {
    FilterRule kept = rule;
    kept.rule.is_badfilter = false;
    const ParsedRule again = parse_filter_rule(to_string(kept));
    if (again.fault != ParsedRule::Fault::kNone || again.rule != kept) std::abort();
}

void expect_found(const Collector& collector) {
    ListCompiler compiler({1, 2});
    if (!compiler.begin_list("fuzz")) std::abort();
    bool takes_back = false;
    bool has_important = false;
    for (const auto& [rule, line] : collector.rules) {
        compiler.add(rule);
        takes_back |= rule.is_badfilter;
        has_important |= rule.weight == RuleWeight::kImportant;
    }
    for (const auto& [rule, line] : collector.filters) {
        if (!compiler.add(rule)) std::abort();
        expect_round_trip(rule);
        has_important |= rule.rule.weight == RuleWeight::kImportant;
    }
    const auto image = compiler.finish();
    const auto set = image.and_then([](const auto& bytes) { return BlockSet::open(bytes); });
    if (!set) std::abort();
    if (takes_back) return;
    for (const auto& [rule, line] : collector.rules) {
        const auto asked =
            rule.scope == RuleScope::kBelow ? rule.name.child("x") : std::optional<Name>(rule.name);
        if (!asked) continue;
        const ListAction action = set->match(*asked).action;
        if (action == ListAction::kNone) std::abort();
        const bool is_overruled = has_important || action == ListAction::kRewrite;
        if (rule.action == ListAction::kAllow && action != ListAction::kAllow && !is_overruled)
            std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView bytes(data + 1, size - 1);
    const auto whole = parse(bytes, bytes.size() + 1);
    expect_same(whole, parse(bytes, data[0] % 32 + 1));
    expect_found(whole.first);
    return 0;
}
