#include "dns/bind/query_history.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "dns/bind/query_json.h"
#include "runtime/log.h"

namespace hearth::dns {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTick{1};
// A flood of questions does not wear the card out: whatever comes, no more often than this.
constexpr std::chrono::seconds kShortestFlush{10};
constexpr std::chrono::seconds kRetryOpen{30};
constexpr const char* kNotWritten = "query_log_not_written";
constexpr const char* kReplaced = "query_log_replaced";

std::int64_t wall_now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

struct QueryHistory::Timer {
    explicit Timer(boost::asio::io_context& context) : timer(context) {}
    boost::asio::steady_timer timer;
};

QueryHistory::QueryHistory(const Sources& sources, std::filesystem::path database,
                           std::size_t entries)
    : sources_(sources),
      path_(std::move(database)),
      entries_(entries),
      unwritten_limit_(std::max<std::size_t>(entries / 2, 1)),
      loop_("dns-log"),
      timer_(std::make_unique<Timer>(loop_.context())) {}

QueryHistory::~QueryHistory() { stop(); }

// --- control thread ---

void QueryHistory::start(const Settings& settings) {
    settings_ = settings;
    positions_.assign(sources_.workers.size(), 0);
    flushed_at_ = Clock::now();
    loop_.start(runtime::EventLoop::Urgency::kBackground);
    loop_.post([this] {
        rollup_.forget_before(wall_now_ms());
        (void)open_database();
        tick();
    });
}

void QueryHistory::configure(const Settings& settings) {
    loop_.post([this, settings] {
        settings_ = settings;
        if (settings_.keep.count() == 0 && database_) {
            flush();
            written_before_ += database_ ? database_->bytes_written() : 0;
            database_.reset();
            sources_.problems.clear(kNotWritten);
        }
        (void)open_database();
    });
}

void QueryHistory::stop() {
    if (!timer_) return;
    if (!positions_.empty()) {
        loop_.run_and_wait([this] {
            gather();
            flush();
            timer_.reset();
            database_.reset();
        });
    }
    loop_.stop();
    loop_.join();
    timer_.reset();
}

void QueryHistory::page(QueryPageRequest request, runtime::ControlServer::Reply reply) {
    loop_.post([this, request = std::move(request), reply = std::move(reply)] {
        gather();
        reply(runtime::ControlResponse::json(page_json(request) + "\n"));
    });
}

void QueryHistory::stats(QueryDatabase::Range range, runtime::ControlServer::Reply reply) {
    loop_.post([this, range, reply = std::move(reply)] {
        gather();
        reply(runtime::ControlResponse::json(stats_json(range) + "\n"));
    });
}

QueryHistory::Status QueryHistory::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void QueryHistory::collect(runtime::MetricSink& sink) const {
    const Status now = status();
    sink.counter("hearth_dns_query_log_bytes_written_total",
                 "Octets that the query log's database has written.", {},
                 static_cast<double>(now.written));
    sink.counter("hearth_dns_query_log_lost_total",
                 "Questions that came faster than the query log gathers them.", {},
                 static_cast<double>(now.lost));
    sink.gauge("hearth_dns_query_log_unwritten", "Questions in memory that are not on disk yet.",
               {}, static_cast<double>(now.unwritten));
    sink.gauge("hearth_dns_query_log_bytes", "Size of the query log's database.", {},
               static_cast<double>(now.file_bytes));
    for (const auto& list : now.list_hits)
        sink.counter("hearth_dns_blocklist_hits_total", "Questions that a list blocked.",
                     {{"list", list.key}}, static_cast<double>(list.count));
}

// --- gathering ---

void QueryHistory::tick() {
    gather();
    flush_if_due();
    timer_->timer.expires_after(kTick);
    timer_->timer.async_wait([this](boost::system::error_code error) {
        if (!error) tick();
    });
}

// What one worker has logged, a slice at a time, so that a flood of questions is never copied as a
// whole.
class QueryHistory::Slices {
public:
    // Up to what is there now: a flood must end for this reader.
    Slices(const QueryLog& log, std::uint64_t from) : log_(log), next_(from), until_(log.end()) {}

    // The oldest that is left; null: none. Valid until pop().
    [[nodiscard]] const QueryRecord* front() {
        while (at_ == records_.size()) {
            if (next_ >= until_) return nullptr;
            records_.clear();
            at_ = 0;
            const std::uint64_t from = next_;
            next_ = log_.read(from, records_, kSlice);
            lost_ += next_ - from - records_.size();
        }
        return &records_[at_];
    }
    void pop() noexcept { ++at_; }

    [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
    [[nodiscard]] std::uint64_t lost() const noexcept { return log_.capacity() > 0 ? lost_ : 0; }

private:
    static constexpr std::size_t kSlice = 128;

    const QueryLog& log_;
    std::uint64_t next_;
    std::uint64_t until_;
    std::uint64_t lost_ = 0;
    std::vector<QueryRecord> records_;
    std::size_t at_ = 0;
};

void QueryHistory::gather() {
    const auto snapshot = sources_.snapshots.load();
    const UpstreamNames upstreams(sources_.workers);
    std::vector<Slices> slices;
    slices.reserve(sources_.workers.size());
    for (std::size_t i = 0; i < sources_.workers.size(); ++i)
        slices.emplace_back(sources_.workers[i]->log(), positions_[i]);
    for (;;) {
        const QueryRecord* oldest = nullptr;
        std::size_t worker = 0;
        for (std::size_t i = 0; i < slices.size(); ++i) {
            const QueryRecord* record = slices[i].front();
            if (record == nullptr || (oldest && oldest->wall_ms <= record->wall_ms)) continue;
            oldest = record;
            worker = i;
        }
        if (oldest == nullptr) break;
        keep(entry_of(*oldest, *snapshot, upstreams.of(worker, oldest->outcome.upstream)));
        slices[worker].pop();
    }
    for (std::size_t i = 0; i < slices.size(); ++i) {
        positions_[i] = slices[i].next();
        lost_ += slices[i].lost();
    }
    rollup_.forget_before(wall_now_ms());
    note_status();
}

void QueryHistory::keep(QueryEntry entry) {
    withhold(settings_.privacy, entry);
    if (is_of_list(entry.matched) && entry.reason == Reason::kBlocked) list_hits_.add(entry.by);
    if (settings_.privacy == QueryPrivacy::kNothing) {
        rollup_.add_total(entry.wall_ms, entry.reason, 1);
        return;
    }
    rollup_.add(entry);
    entry.id = next_id_++;
    recent_.push_back(std::move(entry));
    if (recent_.size() > entries_) recent_.pop_front();
}

std::size_t QueryHistory::unwritten() const {
    if (recent_.empty()) return 0;
    return static_cast<std::size_t>(next_id_ - std::max(written_id_ + 1, recent_.front().id));
}

void QueryHistory::note_status() {
    const std::lock_guard lock(mutex_);
    status_.last_id = next_id_ - 1;
    status_.in_memory = recent_.size();
    status_.unwritten = settings_.keep.count() > 0 ? unwritten() : 0;
    status_.lost = lost_;
    status_.has_database = database_ != nullptr;
    status_.written = written_before_ + (database_ ? database_->bytes_written() : 0);
    status_.file_bytes = database_ ? database_->size_bytes() : 0;
    status_.list_hits = list_hits_.top(64);
}

// --- the database ---

bool QueryHistory::open_database() {
    if (database_ || settings_.keep.count() == 0) return database_ != nullptr;
    opened_at_ = Clock::now();
    auto opened = QueryDatabase::open(path_);
    if (!opened && opened.error().code == Errc::kInvalid) {
        database_failed(opened.error());
        opened = QueryDatabase::open(path_);
    }
    if (!opened) {
        database_failed(opened.error());
        return false;
    }
    database_ = std::move(*opened);
    const auto last = database_->last_id();
    if (!last) {
        database_failed(last.error());
        return false;
    }
    if (!has_numbered_) {
        // What came before the database could be read follows what is in it.
        for (QueryEntry& entry : recent_) entry.id += *last;
        next_id_ += *last;
        written_id_ = *last;
        if (auto restored = database_->restore(rollup_); !restored) {
            database_failed(restored.error());
            return false;
        }
        has_numbered_ = true;
    }
    log::info("query_log_opened", {{"path", path_.string()}, {"last_id", *last}});
    return true;
}

void QueryHistory::database_failed(const Error& error) {
    if (error.code != Errc::kInvalid) {
        sources_.problems.raise(
            kNotWritten, error.to_string() +
                             "; questions are kept in memory only, and tried to be written again. "
                             "Make room, or make the folder writable for hearth-dns");
        return;
    }
    if (database_) written_before_ += database_->bytes_written();
    database_.reset();
    QueryDatabase::move_aside(path_);
    for (auto& [hour, held] : rollup_.hours()) held.is_changed = true;
    sources_.problems.raise(kReplaced, error.to_string() + "; it was put aside as " +
                                           path_.filename().string() +
                                           ".broken and a new one begun. Delete it when it is of "
                                           "no use; this message goes with the next start");
}

void QueryHistory::flush_if_due() {
    const TimePoint now = Clock::now();
    const Duration since = now - flushed_at_;
    const bool is_full = unwritten() >= unwritten_limit_ && since >= kShortestFlush;
    if (since >= settings_.flush || is_full) {
        flush();
    } else if (!database_ && settings_.keep.count() > 0 && now - opened_at_ >= kRetryOpen) {
        flush();
    }
}

void QueryHistory::flush() {
    flushed_at_ = Clock::now();
    if (!open_database()) return;
    std::vector<const QueryEntry*> entries;
    for (const QueryEntry& entry : recent_)
        if (entry.id > written_id_) entries.push_back(&entry);
    if (auto written = database_->append(entries, rollup_); !written) {
        database_failed(written.error());
    } else {
        written_id_ = next_id_ - 1;
        sources_.problems.clear(kNotWritten);
        trim();
    }
    note_status();
}

void QueryHistory::trim() {
    const std::int64_t keep_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(settings_.keep).count();
    // The WAL of a flush comes on top, and is emptied after it.
    const auto trimmed = database_->trim({wall_now_ms() - keep_ms, settings_.max_bytes});
    if (!trimmed) return database_failed(trimmed.error());
    if (*trimmed)
        loop_.post([this] {
            if (database_) trim();
        });
}

}  // namespace hearth::dns
