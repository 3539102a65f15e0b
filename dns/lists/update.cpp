#include "dns/lists/update.h"

#include <sys/random.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "dns/core/list_compiler.h"
#include "dns/lists/file_reader.h"
#include "dns/lists/list_copy.h"
#include "runtime/atomic_file.h"

namespace hearth::dns {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640;  // hearth-dns reads it as a member of the group

class CompilerSink : public RuleSink {
public:
    explicit CompilerSink(ListCompiler& compiler) : compiler_(compiler) {}
    void on_rule(const ListRule& rule, const ListLine&) override { compiler_.add(rule); }
    bool on_filter(const FilterRule& rule, const ListLine&) override { return compiler_.add(rule); }

private:
    ListCompiler& compiler_;
};

ListKind kind_of(const config::BlockList& list) noexcept {
    return list.kind == config::BlockListKind::kAllow ? ListKind::kAllow : ListKind::kBlock;
}

Result<ListCounts> compile_copy(const fs::path& copy, ListKind kind, ListCompiler& compiler) {
    auto reader = FileReader::open(copy);
    if (!reader) return fail(std::move(reader.error()));
    CompilerSink sink(compiler);
    ListParser parser(sink, kind);
    while (true) {
        const auto piece = reader->next();
        if (!piece) return fail(piece.error());
        if (piece->empty()) break;
        parser.feed(*piece);
    }
    parser.finish();
    return parser.counts();
}

// The key of the image that is there, so that equal lists compile to equal bytes; else a new one.
Result<SipKey> image_key(const fs::path& image) {
    if (auto reader = FileReader::open(image)) {
        const auto beginning = reader->next();
        if (beginning) {
            if (const auto header = read_image_header(*beginning)) return header->key;
        }
    }
    SipKey key;
    if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key))
        return fail(Error::from_errno("getrandom", errno));
    return key;
}

Result<void> write_if_changed(const fs::path& path, ByteView bytes) {
    if (has_content(path, bytes)) return {};
    return runtime::write_file_atomically(path, bytes, kFileMode);
}

std::string read_text(const fs::path& path) {
    std::string text;
    auto reader = FileReader::open(path);
    while (reader) {
        const auto piece = reader->next();
        if (!piece || piece->empty()) break;
        text += as_text(*piece);
    }
    return text;
}

}  // namespace

ListUpdate::ListUpdate(const config::Blocking& blocking, ListLayout layout, UpdateScope scope,
                       FetchLimits limits, WallTime now)
    : blocking_(blocking),
      layout_(std::move(layout)),
      scope_(std::move(scope)),
      limits_(limits),
      now_(now) {}

ListLimits ListUpdate::limits_of(const config::BlockList& list) const {
    if (list.max_bytes > 0) return {list.max_bytes, "the list's max_size"};
    return {blocking_.max_list_bytes};
}

RunReport ListUpdate::run(const UpdateEvents& events) {
    recall();
    refresh_files(events);
    refresh_urls(events);
    remove_strays();
    events.compiling();
    compile();
    write_report();
    return std::move(report_);
}

// Begins with what the last run knew about the lists that are still the same.
void ListUpdate::recall() {
    const RunReport before = parse_report(read_text(layout_.status()));
    for (const config::BlockList& list : blocking_.lists) {
        const std::string& source = list.url.empty() ? list.file : list.url;
        const ListReport* known = before.find(list.name);
        ListReport report;
        if (known != nullptr && known->source == source) report = *known;
        report.name = list.name;
        report.source = source;
        report.kind = kind_of(list);
        report.refresh = list.refresh.count() > 0 ? list.refresh : blocking_.refresh;
        report_.lists.push_back(std::move(report));
    }
    report_.finished_at = now_;
}

bool ListUpdate::has_copy(const ListReport& list) const {
    std::error_code ignored;
    return fs::is_regular_file(layout_.copy(list.name), ignored);
}

bool ListUpdate::is_due(const ListReport& list) const {
    if (scope_.kind == UpdateScope::Kind::kAll) return true;
    if (scope_.kind == UpdateScope::Kind::kNamed) return scope_.names.contains(list.name);
    if (!list.checked_at || !list.error.empty() || !has_copy(list)) return true;
    // A timer that fires a little early must not wait for another period.
    return *list.checked_at > now_ || now_ - *list.checked_at >= list.refresh * 9 / 10;
}

void ListUpdate::settle(ListReport& list, const Error* error, const UpdateEvents& events) const {
    if (error == nullptr) {
        list.checked_at = now_;
        list.error.clear();
        list.state = ListState::kOk;
    } else {
        list.error = error->to_string();
        list.state = has_copy(list) ? ListState::kStale : ListState::kMissing;
    }
    events.list_done(list);
}

void ListUpdate::refresh_files(const UpdateEvents& events) {
    for (std::size_t i = 0; i < blocking_.lists.size(); ++i) {
        if (blocking_.lists[i].file.empty()) continue;
        ListReport& list = report_.lists[i];
        const auto change =
            copy_list_file(list.source, layout_.copy(list.name), limits_of(blocking_.lists[i]));
        if (change && (*change == CopyChange::kNew || !list.fetched_at)) list.fetched_at = now_;
        settle(list, change ? nullptr : &change.error(), events);
    }
}

void ListUpdate::refresh_urls(const UpdateEvents& events) {
    std::vector<FetchRequest> requests;
    std::vector<ListReport*> asked;
    for (std::size_t i = 0; i < blocking_.lists.size(); ++i) {
        ListReport& list = report_.lists[i];
        if (blocking_.lists[i].url.empty()) continue;
        if (!is_due(list)) {
            list.state = !has_copy(list)      ? ListState::kMissing
                         : list.error.empty() ? ListState::kOk
                                              : ListState::kStale;
            continue;
        }
        FetchRequest request{
            list.source, {}, {}, layout_.copy(list.name), limits_of(blocking_.lists[i])};
        if (has_copy(list)) {
            request.etag = list.etag;
            request.last_modified = list.last_modified;
        }
        requests.push_back(std::move(request));
        asked.push_back(&list);
    }

    const auto done = [&](std::size_t index, const Result<Fetched>& fetched) {
        ListReport& list = *asked[index];
        if (fetched && fetched->outcome == FetchOutcome::kNew) {
            list.fetched_at = now_;
            list.etag = fetched->etag;
            list.last_modified = fetched->last_modified;
        }
        settle(list, fetched ? nullptr : &fetched.error(), events);
    };
    const auto received = [&](std::size_t index, std::uint64_t bytes, std::uint64_t expected) {
        events.received(asked[index]->name, bytes, expected);
    };
    fetch_all(requests, limits_, {done, received});
}

// Copies of lists that the document no longer names.
void ListUpdate::remove_strays() const {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(layout_.directory, error)) {
        const fs::path& path = entry.path();
        if (path.extension() == ".list" && report_.find(path.stem().string()) == nullptr)
            fs::remove(path, error);
    }
}

void ListUpdate::compile() {
    const auto key = image_key(layout_.image());
    if (!key) {
        report_.error = key.error().to_string();
        return;
    }
    ListCompiler compiler(*key);
    for (ListReport& list : report_.lists) {
        if (list.state == ListState::kMissing) continue;
        auto counts = compiler.begin_list(list.name, list.kind).and_then([&] {
            return compile_copy(layout_.copy(list.name), list.kind, compiler);
        });
        if (counts) {
            list.counts = std::move(*counts);
        } else {
            list.state = ListState::kMissing;
            list.error = counts.error().to_string();
        }
    }
    const auto image = compiler.finish();
    const auto set = image.and_then([](const auto& bytes) { return BlockSet::open(bytes); });
    if (!set) {
        report_.error = set.error().to_string();
        return;
    }
    report_.names = set->size();
    report_.image_bytes = image->size();
    if (auto written = write_if_changed(layout_.image(), *image); !written)
        report_.error = written.error().to_string();
}

void ListUpdate::write_report() {
    const auto written =
        runtime::write_file_atomically(layout_.status(), as_bytes(to_json(report_)), kFileMode);
    if (!written && report_.error.empty()) report_.error = written.error().to_string();
}

}  // namespace hearth::dns
