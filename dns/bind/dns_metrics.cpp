#include "dns/bind/dns_metrics.h"

#include <array>
#include <chrono>
#include <functional>
#include <string>

namespace hearth::dns {
namespace {

using Workers = std::vector<std::unique_ptr<Worker>>;

double sum(const Workers& workers, const std::function<const Cell&(const Tally&)>& cell) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += cell(worker->tally()).value();
    return static_cast<double>(total);
}

void requests(const Workers& workers, runtime::MetricSink& sink) {
    for (std::size_t t = 0; t < kTransportCount; ++t) {
        for (std::size_t i = 0; i <= kTalliedTypes.size(); ++i) {
            const double value = sum(
                workers, [&](const Tally& tally) -> const Cell& { return tally.requests[t][i]; });
            if (value == 0) continue;
            const std::string type =
                i < kTalliedTypes.size() ? to_string(kTalliedTypes[i]) : "other";
            sink.counter(
                "hearth_dns_requests_total", "Questions by transport and type.",
                {{"proto", std::string(to_string(static_cast<Transport>(t)))}, {"type", type}},
                value);
        }
    }
}

void responses(const Workers& workers, runtime::MetricSink& sink) {
    for (std::size_t rcode = 0; rcode < kRcodeCount; ++rcode) {
        for (std::size_t reason = 0; reason < kReasonCount; ++reason) {
            const double value = sum(workers, [&](const Tally& tally) -> const Cell& {
                return tally.responses[rcode][reason];
            });
            if (value == 0) continue;
            sink.counter("hearth_dns_responses_total", "Answers by response code and reason.",
                         {{"rcode", std::string(to_string(static_cast<Rcode>(rcode)))},
                          {"reason", std::string(to_string(static_cast<Reason>(reason)))}},
                         value);
        }
    }
}

void durations(const Workers& workers, runtime::MetricSink& sink) {
    std::array<std::uint64_t, kDurationBounds.size() + 1> counts{};
    std::uint64_t sum_us = 0;
    for (const auto& worker : workers) {
        const Tally& tally = worker->tally();
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += tally.durations[i].value();
        sum_us += tally.duration_us.value();
    }
    sink.histogram("hearth_dns_request_duration_seconds",
                   "Time from question to answer; 0 for what needed no upstream.", {},
                   {kDurationBounds, counts, std::chrono::microseconds(sum_us)});
}

}  // namespace

void collect_metrics(const Workers& workers, const Snapshot& snapshot, runtime::MetricSink& sink) {
    requests(workers, sink);
    responses(workers, sink);
    durations(workers, sink);
    const auto counter = [&](const char* name, const char* help, const Cell Tally::*cell) {
        sink.counter(name, help, {},
                     sum(workers, [&](const Tally& t) -> const Cell& { return t.*cell; }));
    };
    const auto gauge = [&](const char* name, const char* help, const Cell Tally::*cell) {
        sink.gauge(name, help, {},
                   sum(workers, [&](const Tally& t) -> const Cell& { return t.*cell; }));
    };
    counter("hearth_dns_cache_hits_total", "Answers from the cache.", &Tally::cache_hits);
    counter("hearth_dns_cache_misses_total", "Questions not in the cache.", &Tally::cache_misses);
    counter("hearth_dns_cache_stale_total", "Answers past their time, as no upstream answered.",
            &Tally::cache_stale);
    counter("hearth_dns_cache_prefetches_total", "Questions asked again before the answer's end.",
            &Tally::cache_prefetches);
    counter("hearth_dns_dropped_total", "Datagrams and questions not answered at all.",
            &Tally::dropped);
    for (std::size_t i = 0; i < kNoAnswerCount; ++i)
        sink.counter("hearth_dns_upstream_mismatched_total",
                     "Messages of upstreams that are no answer to what was asked.",
                     {{"reason", std::string(to_string(static_cast<NoAnswer>(i)))}},
                     sum(workers, [&](const Tally& t) -> const Cell& { return t.no_answers[i]; }));
    gauge("hearth_dns_cache_entries", "Answers in the cache.", &Tally::cache_entries);
    gauge("hearth_dns_cache_bytes", "Memory of the cached answers.", &Tally::cache_bytes);
    gauge("hearth_dns_waiting", "Clients waiting for an upstream.", &Tally::waiting);
    if (!snapshot.blocking.lists) return;
    for (const auto& list : snapshot.blocking.lists->set.lists())
        sink.gauge("hearth_dns_blocklist_entries", "Rules taken from a list.",
                   {{"list", std::string(list.name)}}, static_cast<double>(list.rules));
}

}  // namespace hearth::dns
