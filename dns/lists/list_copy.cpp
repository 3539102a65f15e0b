#include "dns/lists/list_copy.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/core/list_parser.h"
#include "dns/lists/file_reader.h"
#include "dns/lists/gunzip.h"

namespace hearth::dns {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// A list that holds less than three quarters of the entries it announces was cut.
bool is_cut(const ListCounts& counts) noexcept {
    const std::uint64_t found = counts.taken + counts.skipped + counts.invalid;
    return found < counts.announced - counts.announced / 4;
}

tl::unexpected<Error> refuse(Errc code, std::string detail) {
    return fail(code, "", std::move(detail));
}

Result<void> judge_counts(const ListCounts& counts) {
    if (is_cut(counts))
        return refuse(Errc::kTruncated,
                      "cut short: its head announces " + std::to_string(counts.announced) +
                          " entries and " +
                          std::to_string(counts.taken + counts.skipped + counts.invalid) + " came");
    if (counts.invalid > counts.taken) {
        const LineExample& first = counts.invalid_examples.front();
        return refuse(Errc::kInvalid,
                      "not a blocklist: more lines are invalid than rules, the first is line " +
                          std::to_string(first.number) + " (" + first.reason + ")");
    }
    return {};
}

}  // namespace

struct ListCandidate::Inspection : RuleSink {
    void on_rule(const ListRule&, const ListLine&) override {}
    bool on_filter(const FilterRule&, const ListLine&) override { return true; }

    ListParser parser{*this};
    std::optional<char> first;       // that is not blank
    std::optional<Gunzip> expander;  // it is compressed
    bool has_begun = false;
};

ListCandidate::ListCandidate(runtime::AtomicFile file, const ListLimits& limits)
    : file_(std::move(file)), limits_(limits), inspection_(std::make_unique<Inspection>()) {}
ListCandidate::ListCandidate(ListCandidate&&) noexcept = default;
ListCandidate::~ListCandidate() = default;

Result<ListCandidate> ListCandidate::create(const std::filesystem::path& copy,
                                            const ListLimits& limits) {
    auto file = runtime::AtomicFile::create(copy, 0640);
    if (!file) return fail(std::move(file.error()));
    return ListCandidate(std::move(*file), limits);
}

Result<void> ListCandidate::write(ByteView bytes) {
    if (bytes.empty()) return {};
    if (!inspection_->has_begun && Gunzip::is_magic(bytes[0])) inspection_->expander.emplace();
    inspection_->has_begun = true;
    if (!inspection_->expander) return take_text(bytes);
    return inspection_->expander->feed(bytes, [this](ByteView text) { return take_text(text); });
}

Result<void> ListCandidate::take_text(ByteView text) {
    size_ += text.size();
    if (size_ > limits_.max_bytes)
        return refuse(Errc::kTooLarge, "larger than " + std::to_string(limits_.max_bytes) +
                                           " bytes; " + std::string(limits_.setting) +
                                           " is the limit");
    const auto seen = std::find_if(text.begin(), text.end(), [](std::uint8_t byte) {
        return kBlank.find(static_cast<char>(byte)) == kBlank.npos;
    });
    if (!inspection_->first && seen != text.end()) inspection_->first = static_cast<char>(*seen);
    inspection_->parser.feed(text);
    return file_.write(text);
}

Result<void> ListCandidate::commit() {
    if (inspection_->expander && !inspection_->expander->is_whole())
        return refuse(Errc::kTruncated, "cut short: the compressed data has no end");
    inspection_->parser.finish();
    if (!inspection_->first) return refuse(Errc::kTruncated, "empty");
    if (inspection_->first == '<') return refuse(Errc::kInvalid, "a web page, not a blocklist");
    if (auto judged = judge_counts(inspection_->parser.counts()); !judged) return judged;
    return file_.commit();
}

namespace {

// True when the text of `source`, expanded where it is compressed, is that of `copy`.
bool is_copied(FileReader& source, const std::filesystem::path& copy) {
    auto reader = FileReader::open(copy);
    if (!reader) return false;
    ContentComparison comparison(std::move(*reader));
    const auto compare = [&comparison](ByteView text) -> Result<void> {
        if (comparison.continues_with(text)) return {};
        return refuse(Errc::kConflict, "another text");
    };
    std::optional<Gunzip> expander;
    for (bool is_first = true;; is_first = false) {
        const auto bytes = source.next();
        if (!bytes) return false;
        if (bytes->empty()) return comparison.ends() && (!expander || expander->is_whole());
        if (is_first && Gunzip::is_magic((*bytes)[0])) expander.emplace();
        if (!(expander ? expander->feed(*bytes, compare) : compare(*bytes))) return false;
    }
}

}  // namespace

Result<CopyChange> copy_list_file(const std::filesystem::path& source,
                                  const std::filesystem::path& copy, const ListLimits& limits) {
    auto reader = FileReader::open(source);
    if (!reader) return fail(std::move(reader.error()));
    if (reader->size() > limits.max_bytes)
        return refuse(Errc::kTooLarge, "larger than " + std::to_string(limits.max_bytes) +
                                           " bytes; " + std::string(limits.setting) +
                                           " is the limit");
    if (is_copied(*reader, copy)) return CopyChange::kSame;

    reader = FileReader::open(source);
    if (!reader) return fail(std::move(reader.error()));
    auto candidate = ListCandidate::create(copy, limits);
    if (!candidate) return fail(std::move(candidate.error()));
    while (true) {
        const auto bytes = reader->next();
        if (!bytes) return fail(bytes.error());
        if (bytes->empty()) break;
        if (auto written = candidate->write(*bytes); !written) return fail(written.error());
    }
    if (auto committed = candidate->commit(); !committed) return fail(committed.error());
    return CopyChange::kNew;
}

}  // namespace hearth::dns
