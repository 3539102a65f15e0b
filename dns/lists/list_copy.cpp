#include "dns/lists/list_copy.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/core/list_parser.h"
#include "dns/lists/file_reader.h"

namespace hearth::dns {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kGzip = "\x1f\x8b";

// A list that holds less than three quarters of the entries it announces was cut.
bool is_cut(const ListCounts& counts) noexcept {
    const std::uint64_t found = counts.taken + counts.skipped + counts.invalid;
    return found < counts.announced - counts.announced / 4;
}

Result<void> refuse(Errc code, std::string detail) { return fail(code, "", std::move(detail)); }

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
    std::string head;  // the first bytes that are not blank
};

ListCandidate::ListCandidate(runtime::AtomicFile file, std::size_t max_bytes)
    : file_(std::move(file)), max_bytes_(max_bytes), inspection_(std::make_unique<Inspection>()) {}
ListCandidate::ListCandidate(ListCandidate&&) noexcept = default;
ListCandidate::~ListCandidate() = default;

Result<ListCandidate> ListCandidate::create(const std::filesystem::path& copy,
                                            std::size_t max_bytes) {
    auto file = runtime::AtomicFile::create(copy, 0640);
    if (!file) return fail(std::move(file.error()));
    return ListCandidate(std::move(*file), max_bytes);
}

Result<void> ListCandidate::write(ByteView bytes) {
    size_ += bytes.size();
    if (size_ > max_bytes_)
        return refuse(Errc::kTooLarge, "larger than " + std::to_string(max_bytes_) +
                                           " bytes; blocking.max_list_size is the limit");
    for (const std::uint8_t byte : bytes) {
        if (inspection_->head.size() >= kGzip.size()) break;
        const char c = static_cast<char>(byte);
        if (!inspection_->head.empty() || kBlank.find(c) == kBlank.npos) inspection_->head += c;
    }
    inspection_->parser.feed(bytes);
    return file_.write(bytes);
}

Result<void> ListCandidate::commit() {
    inspection_->parser.finish();
    const std::string& head = inspection_->head;
    if (head.empty()) return refuse(Errc::kTruncated, "empty");
    if (head.starts_with('<')) return refuse(Errc::kInvalid, "a web page, not a blocklist");
    if (head == kGzip) return refuse(Errc::kInvalid, "a compressed file, not a blocklist's text");
    if (auto judged = judge_counts(inspection_->parser.counts()); !judged) return judged;
    return file_.commit();
}

Result<CopyChange> copy_list_file(const std::filesystem::path& source,
                                  const std::filesystem::path& copy, std::size_t max_bytes) {
    auto reader = FileReader::open(source);
    if (!reader) return fail(std::move(reader.error()));
    if (reader->size() > max_bytes)
        return fail(Errc::kTooLarge, "",
                    "larger than " + std::to_string(max_bytes) +
                        " bytes; blocking.max_list_size is the limit");
    if (same_content(source, copy)) return CopyChange::kSame;

    auto candidate = ListCandidate::create(copy, max_bytes);
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
