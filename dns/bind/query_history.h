#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/core/query_entry.h"
#include "dns/core/query_filter.h"
#include "dns/core/query_rollup.h"
#include "dns/core/snapshot.h"
#include "dns/io/query_database.h"
#include "dns/io/worker.h"
#include "runtime/control_server.h"
#include "runtime/event_loop.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"
#include "runtime/snapshot.h"

namespace hearth::dns {

// What the workers logged, gathered: the newest questions in memory, older ones in the database,
// and what they add up to. On a thread of its own and of low priority, so that a slow disk delays
// nobody but those who ask for the log.
class QueryHistory {
public:
    struct Settings {
        std::chrono::seconds keep{};  // 0: no database
        std::uint64_t max_bytes = 0;
        std::chrono::seconds flush{};
        QueryPrivacy privacy{};
    };
    struct Sources {
        const std::vector<std::unique_ptr<Worker>>& workers;  // do not change after start()
        const runtime::Published<Snapshot>& snapshots;
        runtime::Problems& problems;
    };

    // Keeps `entries` questions in memory.
    QueryHistory(const Sources& sources, std::filesystem::path database, std::size_t entries);
    ~QueryHistory();
    QueryHistory(const QueryHistory&) = delete;
    QueryHistory& operator=(const QueryHistory&) = delete;

    // Control thread, all of them; the work is done on the history's own.
    void start(const Settings& settings);
    void configure(const Settings& settings);
    // Writes what is left, once the workers have stopped.
    void stop();
    void page(QueryPageRequest request, runtime::ControlServer::Reply reply);
    void stats(QueryDatabase::Range range, runtime::ControlServer::Reply reply);

    // At most a second old.
    struct Status {
        std::int64_t last_id = 0;  // of the newest question gathered
        std::size_t in_memory = 0;
        std::size_t unwritten = 0;
        std::uint64_t lost = 0;     // overwritten before they were gathered
        std::uint64_t written = 0;  // octets, with what SQLite writes besides
        std::uint64_t file_bytes = 0;
        bool has_database = false;
        std::vector<TopEntry> list_hits;  // since the start
    };
    [[nodiscard]] Status status() const;
    void collect(runtime::MetricSink& sink) const;

private:
    class Slices;

    void tick();
    void gather();
    void keep(QueryEntry entry);
    void flush_if_due();
    void flush();
    void trim();
    [[nodiscard]] bool open_database();
    void database_failed(const Error& error);
    void note_status();
    [[nodiscard]] std::size_t unwritten() const;
    [[nodiscard]] std::string page_json(const QueryPageRequest& request);
    [[nodiscard]] std::string stats_json(QueryDatabase::Range range);
    [[nodiscard]] TopCounter tops_in(QueryDatabase::Range range, TopKind kind);

    Sources sources_;
    std::filesystem::path path_;
    std::size_t entries_;
    std::size_t unwritten_limit_;

    // The history's own thread.
    struct Timer;
    Settings settings_;
    std::vector<std::uint64_t> positions_;  // per worker
    std::deque<QueryEntry> recent_;
    std::int64_t next_id_ = 1;
    std::int64_t written_id_ = 0;  // up to here everything is on disk
    bool has_numbered_ = false;    // the ids follow those of the database
    QueryRollup rollup_;
    TopCounter list_hits_{64};
    std::unique_ptr<QueryDatabase> database_;
    std::uint64_t written_before_ = 0;  // by databases closed since
    std::uint64_t lost_ = 0;
    TimePoint flushed_at_{};
    TimePoint opened_at_{};

    mutable std::mutex mutex_;
    Status status_;

    runtime::EventLoop loop_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace hearth::dns
