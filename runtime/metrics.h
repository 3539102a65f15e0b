#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

// Prometheus metrics whose writers never share a cache line: each worker has its own cells, and a
// scrape adds them up. Names follow Prometheus: base units, `_total`, `_info`; no label may take
// unbounded values (no query names, no clients).
//
//     MetricWorker& mine = metrics.add_worker();                        // at start, one per thread
//     Counter& blocked = mine.counter("hearth_dns_responses_total", "Answers sent.", {{"reason",
//     "blocked"}}); blocked.add();                                                    // hot path
namespace hearth::runtime {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Written by one thread, read by any. A plain add, no locked instruction.
class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

// Durations counted in buckets with fixed upper bounds; written by one thread, read by any. Served
// in seconds.
class Histogram {
public:
    // Ascending, at most kMaxBounds; those beyond are ignored.
    explicit Histogram(std::span<const Duration> upper_bounds) noexcept;
    void observe(Duration value) noexcept;

    static constexpr std::size_t kMaxBounds = 20;
    [[nodiscard]] std::span<const Duration> bounds() const noexcept { return {bounds_, size_}; }
    // Observations in bucket `i`, not cumulative; i == bounds().size() is the overflow.
    [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
    [[nodiscard]] std::uint64_t sum_nanoseconds() const noexcept { return sum_.value(); }

private:
    std::size_t size_ = 0;
    Duration bounds_[kMaxBounds];
    Counter buckets_[kMaxBounds + 1];
    Counter sum_;
};

// 100 us .. 10 s, for requests that a LAN client waits for.
inline constexpr Duration kLatencyBounds[] = {100us, 250us,  500us, 1ms,   2500us, 5ms,
                                              10ms,  25ms,   50ms,  100ms, 250ms,  500ms,
                                              1s,    2500ms, 5s,    10s};

// One thread's cells. They live as long as the Metrics that made them; asking again for the
// same name and labels gives the same cell, so a reload may simply ask. Only the owning
// thread asks, or anyone before that thread runs.
class MetricWorker {
public:
    MetricWorker();
    ~MetricWorker();
    MetricWorker(const MetricWorker&) = delete;
    MetricWorker& operator=(const MetricWorker&) = delete;

    [[nodiscard]] Counter& counter(std::string_view name, std::string_view help,
                                   const Labels& labels = {});
    [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help,
                                       std::span<const Duration> upper_bounds,
                                       const Labels& labels = {});

private:
    friend class Metrics;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A histogram counted elsewhere, for a collector. `counts` has one more element than `bounds`
// (ascending): observations in each bucket, not cumulative, the last one above all bounds.
struct HistogramSample {
    std::span<const Duration> bounds;
    std::span<const std::uint64_t> counts;
    Duration sum{};
};

// What a collector writes to while a scrape runs. The same name must keep its type and help.
class MetricSink {
public:
    virtual void gauge(std::string_view name, std::string_view help, const Labels& labels,
                       double value) = 0;
    virtual void counter(std::string_view name, std::string_view help, const Labels& labels,
                         double value) = 0;
    virtual void histogram(std::string_view name, std::string_view help, const Labels& labels,
                           const HistogramSample& sample) = 0;

protected:
    ~MetricSink() = default;
};

class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // Any thread.
    [[nodiscard]] MetricWorker& add_worker();
    // Any thread. `collect` runs on the control thread at each scrape, for values that are cheaper
    // to read then than to keep (table sizes, owners); it must not block.
    void on_scrape(std::function<void(MetricSink&)> collect);
    // Any thread. Prometheus text format 0.0.4, families sorted by name.
    [[nodiscard]] std::string scrape() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
