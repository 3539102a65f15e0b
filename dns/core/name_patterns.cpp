#include "dns/core/name_patterns.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace hearth::dns {
namespace {

constexpr std::size_t kMostOctets = 512;
// Instructions of one expression's program: "(a|b|...)" with some hundred names fits, "(x{99}){99}"
// does not.
constexpr int kMostInstructions = 2000;
// What is tried at once. An automaton of more would not fit into its memory.
constexpr int kInstructionsOfPart = 4000;
constexpr std::int64_t kMemoryOfPart = 4 << 20;

RE2::Options options() {
    RE2::Options made(RE2::Latin1);
    made.set_case_sensitive(false);
    made.set_log_errors(false);
    made.set_never_capture(true);
    made.set_max_mem(kMemoryOfPart);
    return made;
}

}  // namespace

struct NamePatterns::Part {
    std::unique_ptr<RE2::Set> set;
    std::uint32_t first = 0;
};

std::optional<std::string> pattern_fault(std::string_view expression) {
    if (expression.size() > kMostOctets) return "an expression of more than 512 octets";
    const RE2 compiled(re2::StringPiece(expression.data(), expression.size()), options());
    if (!compiled.ok()) return "an expression that is not taken: " + compiled.error();
    if (compiled.ProgramSize() > kMostInstructions) return "an expression that is too complex";
    return std::nullopt;
}

NamePatterns::NamePatterns(const std::vector<std::string>& expressions) {
    int instructions = 0;
    for (const std::string& expression : expressions) {
        const RE2 alone(expression, options());
        const int more = alone.ok() ? alone.ProgramSize() : 0;
        if (parts_.empty() || instructions + more > kInstructionsOfPart) {
            parts_.push_back({std::make_unique<RE2::Set>(options(), RE2::UNANCHORED),
                              static_cast<std::uint32_t>(size_)});
            instructions = 0;
        }
        instructions += more;
        // An index for each, also for one that is refused: its place must not shift the others.
        if (parts_.back().set->Add(expression, nullptr) < 0) parts_.back().set->Add("$^", nullptr);
        ++size_;
    }
    for (Part& part : parts_) (void)part.set->Compile();
}

NamePatterns::~NamePatterns() = default;
NamePatterns::NamePatterns(NamePatterns&&) noexcept = default;
NamePatterns& NamePatterns::operator=(NamePatterns&&) noexcept = default;

void NamePatterns::match(std::string_view name, std::vector<std::uint32_t>& found) const {
    found.clear();
    std::vector<int> hits;
    for (const Part& part : parts_) {
        hits.clear();
        if (!part.set->Match(re2::StringPiece(name.data(), name.size()), &hits)) continue;
        std::sort(hits.begin(), hits.end());
        for (const int hit : hits) found.push_back(part.first + static_cast<std::uint32_t>(hit));
    }
}

}  // namespace hearth::dns
