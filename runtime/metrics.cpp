#include "runtime/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>

namespace hearth::runtime {

namespace {

using Families = std::map<std::string, prometheus::MetricFamily, std::less<>>;

double seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

prometheus::ClientMetric& metric_in(prometheus::MetricFamily& family, const Labels& labels) {
    const auto same = [&](const prometheus::ClientMetric& metric) {
        return std::equal(metric.label.begin(), metric.label.end(), labels.begin(), labels.end(),
                          [](const prometheus::ClientMetric::Label& a, const auto& b) {
                              return a.name == b.first && a.value == b.second;
                          });
    };
    const auto found = std::find_if(family.metric.begin(), family.metric.end(), same);
    if (found != family.metric.end()) return *found;
    prometheus::ClientMetric& added = family.metric.emplace_back();
    for (const auto& [name, value] : labels) added.label.push_back({name, value});
    return added;
}

prometheus::MetricFamily& family_in(Families& families, std::string_view name,
                                    std::string_view help, prometheus::MetricType type) {
    const auto [it, fresh] = families.try_emplace(std::string(name));
    if (fresh) {
        it->second.name = name;
        it->second.help = help;
        it->second.type = type;
    }
    return it->second;
}

void add_histogram(prometheus::ClientMetric& metric, const HistogramSample& sample) {
    auto& into = metric.histogram;
    const auto bounds = sample.bounds;
    into.bucket.resize(bounds.size() + 1);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        cumulative += sample.counts[i];
        into.bucket[i].cumulative_count += cumulative;
        into.bucket[i].upper_bound = i < bounds.size()
                                         ? seconds(static_cast<std::uint64_t>(bounds[i].count()))
                                         : std::numeric_limits<double>::infinity();
    }
    into.sample_count += cumulative;
    into.sample_sum += seconds(static_cast<std::uint64_t>(sample.sum.count()));
}

void add_histogram(prometheus::ClientMetric& metric, const Histogram& histogram) {
    std::array<std::uint64_t, Histogram::kMaxBounds + 1> counts{};
    const std::size_t size = histogram.bounds().size() + 1;
    for (std::size_t i = 0; i < size; ++i) counts[i] = histogram.bucket(i);
    add_histogram(metric, {histogram.bounds(), std::span(counts).first(size),
                           Duration(static_cast<Duration::rep>(histogram.sum_nanoseconds()))});
}

class FamilySink final : public MetricSink {
public:
    explicit FamilySink(Families& families) : families_(&families) {}
    void gauge(std::string_view name, std::string_view help, const Labels& labels,
               double value) override {
        auto& family = family_in(*families_, name, help, prometheus::MetricType::Gauge);
        metric_in(family, labels).gauge.value = value;
    }
    void counter(std::string_view name, std::string_view help, const Labels& labels,
                 double value) override {
        auto& family = family_in(*families_, name, help, prometheus::MetricType::Counter);
        metric_in(family, labels).counter.value += value;
    }
    void histogram(std::string_view name, std::string_view help, const Labels& labels,
                   const HistogramSample& sample) override {
        auto& family = family_in(*families_, name, help, prometheus::MetricType::Histogram);
        add_histogram(metric_in(family, labels), sample);
    }

private:
    Families* families_;
};

constexpr std::size_t kCacheLine = 64;

// Cells of one thread in blocks that share no cache line with another thread's.
class CounterArena {
public:
    Counter& next() {
        if (used_ == kBlock) {
            blocks_.push_back(std::make_unique<Block>());
            used_ = 0;
        }
        return blocks_.back()->cells[used_++];
    }

private:
    static constexpr std::size_t kBlock = 64;
    struct alignas(kCacheLine) Block {
        Counter cells[kBlock];
    };
    std::vector<std::unique_ptr<Block>> blocks_;
    std::size_t used_ = kBlock;
};

struct alignas(kCacheLine) AlignedHistogram {
    explicit AlignedHistogram(std::span<const Duration> bounds) : histogram(bounds) {}
    Histogram histogram;
};

template <class Cell>
struct Named {
    std::string help;
    Cell* cell;
};

using Key = std::pair<std::string, Labels>;

}  // namespace

Histogram::Histogram(std::span<const Duration> upper_bounds) noexcept
    : size_(std::min(upper_bounds.size(), kMaxBounds)) {
    std::copy_n(upper_bounds.begin(), size_, bounds_);
}

void Histogram::observe(Duration value) noexcept {
    const auto end = bounds_ + size_;
    const auto bucket = std::find_if(bounds_, end, [value](Duration b) { return value <= b; });
    buckets_[bucket - bounds_].add();
    sum_.add(value > Duration::zero() ? static_cast<std::uint64_t>(value.count()) : 0);
}

struct MetricWorker::Impl {
    mutable std::mutex mutex;  // guards the maps, never the cells
    CounterArena counters;
    std::vector<std::unique_ptr<AlignedHistogram>> histograms;
    std::map<Key, Named<Counter>> counter_names;
    std::map<Key, Named<Histogram>> histogram_names;
};

MetricWorker::MetricWorker() : impl_(std::make_unique<Impl>()) {}
MetricWorker::~MetricWorker() = default;

Counter& MetricWorker::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(impl_->mutex);
    auto& named = impl_->counter_names[{std::string(name), labels}];
    if (named.cell == nullptr) named = {std::string(help), &impl_->counters.next()};
    return *named.cell;
}

Histogram& MetricWorker::histogram(std::string_view name, std::string_view help,
                                   std::span<const Duration> upper_bounds, const Labels& labels) {
    const std::lock_guard lock(impl_->mutex);
    auto& named = impl_->histogram_names[{std::string(name), labels}];
    if (named.cell == nullptr) {
        auto cell = std::make_unique<AlignedHistogram>(upper_bounds);
        named = {std::string(help), &cell->histogram};
        impl_->histograms.push_back(std::move(cell));
    }
    return *named.cell;
}

struct Metrics::Impl {
    mutable std::mutex mutex;
    std::deque<MetricWorker> workers;
    std::vector<std::function<void(MetricSink&)>> collectors;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

MetricWorker& Metrics::add_worker() {
    const std::lock_guard lock(impl_->mutex);
    return impl_->workers.emplace_back();
}

void Metrics::on_scrape(std::function<void(MetricSink&)> collect) {
    const std::lock_guard lock(impl_->mutex);
    impl_->collectors.push_back(std::move(collect));
}

std::string Metrics::scrape() const {
    Families families;
    FamilySink sink(families);
    const std::lock_guard lock(impl_->mutex);
    for (const MetricWorker& worker : impl_->workers) {
        const std::lock_guard worker_lock(worker.impl_->mutex);
        for (const auto& [key, named] : worker.impl_->counter_names) {
            sink.counter(key.first, named.help, key.second,
                         static_cast<double>(named.cell->value()));
        }
        for (const auto& [key, named] : worker.impl_->histogram_names) {
            auto& family =
                family_in(families, key.first, named.help, prometheus::MetricType::Histogram);
            add_histogram(metric_in(family, key.second), *named.cell);
        }
    }
    for (const auto& collect : impl_->collectors) collect(sink);

    std::vector<prometheus::MetricFamily> sorted;
    sorted.reserve(families.size());
    for (auto& entry : families) sorted.push_back(std::move(entry.second));
    return prometheus::TextSerializer().Serialize(sorted);
}

}  // namespace hearth::runtime
