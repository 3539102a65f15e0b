#include "runtime/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace hearth::runtime {
namespace {

TEST(Metrics, WorkersAreAddedUp) {
    Metrics metrics;
    metrics.add_worker().counter("hearth_x_total", "Help.", {{"kind", "a"}}).add(2);
    MetricWorker& second = metrics.add_worker();
    second.counter("hearth_x_total", "Help.", {{"kind", "a"}}).add(3);
    second.counter("hearth_x_total", "Help.", {{"kind", "b"}}).add();
    EXPECT_EQ(metrics.scrape(),
              "# HELP hearth_x_total Help.\n"
              "# TYPE hearth_x_total counter\n"
              "hearth_x_total{kind=\"a\"} 5\n"
              "hearth_x_total{kind=\"b\"} 1\n");
}

TEST(Metrics, AskingAgainGivesTheSameCell) {
    Metrics metrics;
    MetricWorker& worker = metrics.add_worker();
    EXPECT_EQ(&worker.counter("a_total", "A."), &worker.counter("a_total", "A."));
    EXPECT_NE(&worker.counter("a_total", "A."), &worker.counter("a_total", "A.", {{"k", "v"}}));
    EXPECT_EQ(&worker.histogram("b_seconds", "B.", kLatencyBounds),
              &worker.histogram("b_seconds", "B.", kLatencyBounds));
}

TEST(Metrics, WorkersShareNoCacheLine) {
    Metrics metrics;
    const auto line = [](const Counter& counter) {
        return reinterpret_cast<std::uintptr_t>(&counter) / 64;
    };
    EXPECT_NE(line(metrics.add_worker().counter("a_total", "A.")),
              line(metrics.add_worker().counter("a_total", "A.")));
}

TEST(Metrics, HistogramIsCumulativeAndInSeconds) {
    Metrics metrics;
    constexpr Duration kBounds[] = {1ms, 10ms};
    Histogram& histogram = metrics.add_worker().histogram("h_seconds", "H.", kBounds);
    histogram.observe(1ms);  // bounds are inclusive
    histogram.observe(2ms);
    histogram.observe(1s);
    histogram.observe(-1ms);  // a clock that jumped: counted, not subtracted
    EXPECT_EQ(metrics.scrape(),
              "# HELP h_seconds H.\n"
              "# TYPE h_seconds histogram\n"
              "h_seconds_count 4\n"
              "h_seconds_sum 1.003\n"
              "h_seconds_bucket{le=\"0.001\"} 2\n"
              "h_seconds_bucket{le=\"0.01\"} 3\n"
              "h_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(Metrics, CollectorsAreAskedAtEachScrape) {
    Metrics metrics;
    double value = 1;
    metrics.on_scrape([&](MetricSink& sink) { sink.gauge("g", "G.", {}, value); });
    EXPECT_NE(metrics.scrape().find("\ng 1\n"), std::string::npos);
    value = 2;
    EXPECT_NE(metrics.scrape().find("\ng 2\n"), std::string::npos);
}

TEST(Metrics, CollectorsMayBringTheirOwnHistograms) {
    Metrics metrics;
    constexpr Duration kBounds[] = {1ms, 10ms};
    constexpr std::uint64_t kCounts[] = {2, 1, 1};
    metrics.on_scrape([&](MetricSink& sink) {
        sink.histogram("h_seconds", "H.", {{"le_not", "x"}}, {kBounds, kCounts, 1003ms});
    });
    const std::string text = metrics.scrape();
    EXPECT_NE(text.find("# TYPE h_seconds histogram\n"), std::string::npos);
    EXPECT_NE(text.find("h_seconds_sum{le_not=\"x\"} 1.003\n"), std::string::npos);
    EXPECT_NE(text.find("h_seconds_bucket{le_not=\"x\",le=\"0.01\"} 3\n"), std::string::npos);
    EXPECT_NE(text.find("h_seconds_count{le_not=\"x\"} 4\n"), std::string::npos);
}

TEST(Metrics, ScrapingWhileAWorkerCounts) {
    Metrics metrics;
    Counter& counter = metrics.add_worker().counter("c_total", "C.");
    std::thread worker([&] {
        for (int i = 0; i < 10'000; ++i) counter.add();
    });
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(metrics.scrape().empty());
    worker.join();
    EXPECT_EQ(counter.value(), 10'000U);
}

}  // namespace
}  // namespace hearth::runtime
