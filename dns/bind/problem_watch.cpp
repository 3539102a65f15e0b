#include "dns/bind/problem_watch.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <string>

namespace hearth::dns {
namespace {

namespace json = boost::json;

void set(runtime::Problems& problems, std::string_view name, const std::string& detail) {
    if (detail.empty()) {
        problems.clear(name);
    } else {
        problems.raise(name, detail);
    }
}

std::string listed(const std::vector<std::string>& items) {
    std::string text;
    for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
}

void merge(UpstreamSummary& into, const Upstream& from) {
    if (from.is_dead) into.died_at = std::max(into.died_at, from.timed_out_at);
    into.answered_at = std::max(into.answered_at, from.answered_at);
    // A worker without questions for it does not learn that it is back.
    into.is_dead = into.died_at > into.answered_at;
    into.smoothed_rtt = std::max(into.smoothed_rtt, from.smoothed_rtt);
    into.sent += from.sent;
    into.answered += from.answered;
    into.timeouts += from.timeouts;
}

}  // namespace

std::vector<UpstreamSummary> summarise_upstreams(
    const Snapshot& snapshot, const std::vector<std::unique_ptr<Worker>>& workers) {
    std::vector<UpstreamSummary> all;
    for (const auto& group : snapshot.groups) {
        for (const UpstreamServer& server : group.servers) {
            const bool known = std::any_of(all.begin(), all.end(), [&](const UpstreamSummary& u) {
                return u.server == server;
            });
            if (known) continue;
            all.emplace_back();
            all.back().server = server;
        }
    }
    for (const auto& worker : workers) {
        const Worker::Report report = worker->report();
        for (std::size_t i = 0; i < report.upstreams.size(); ++i) {
            const Upstream& upstream = report.upstreams[i];
            const auto found = std::find_if(all.begin(), all.end(), [&](const UpstreamSummary& u) {
                return u.server == upstream.server;
            });
            if (found == all.end()) continue;
            merge(*found, upstream);
            const auto trouble = report.troubles.find(static_cast<UpstreamIndex>(i));
            if (trouble != report.troubles.end()) found->trouble = trouble->second;
        }
    }
    return all;
}

void watch_upstreams(const Snapshot& snapshot, const std::vector<std::unique_ptr<Worker>>& workers,
                     const LoopGuard& loops, runtime::Problems& problems) {
    std::vector<std::string> dead;
    std::vector<std::string> looping;
    const TimePoint now = std::chrono::steady_clock::now();
    for (const auto& upstream : summarise_upstreams(snapshot, workers)) {
        if (loops.is_looping(upstream.server.endpoint.address, now))
            looping.push_back(upstream.server.endpoint.address.to_string());
        if (upstream.is_dead)
            dead.push_back(upstream.server.to_string() +
                           (upstream.trouble.empty() ? "" : " (" + upstream.trouble + ")"));
    }
    set(problems, "upstream_dead",
        dead.empty() ? ""
                     : listed(dead) +
                           " does not answer; it is asked again until it does. Check the "
                           "connection, or take it out of dns.upstreams or dns.forward");
    set(problems, "forwarding_loop",
        looping.empty() ? ""
                        : listed(looping) +
                              " forwards our questions back to us. On that router set another "
                              "upstream than this resolver (its own Internet uplink, or a public "
                              "resolver), or take it out of dns.upstreams and dns.forward here");
    set(problems, "no_upstream",
        snapshot.groups.empty() || snapshot.groups[0].servers.empty()
            ? "no upstream is known: only local names are answered"
            : "");
}

json::array describe_upstreams(const Snapshot& snapshot,
                               const std::vector<std::unique_ptr<Worker>>& workers,
                               const LoopGuard& loops) {
    json::array upstreams;
    const TimePoint now = std::chrono::steady_clock::now();
    for (const auto& upstream : summarise_upstreams(snapshot, workers)) {
        json::object object;
        object["address"] = upstream.server.to_string();
        const bool looping = loops.is_looping(upstream.server.endpoint.address, now);
        object["state"] = looping ? "looping" : upstream.is_dead ? "dead" : "ok";
        object["rtt_ms"] = std::chrono::duration<double, std::milli>(upstream.smoothed_rtt).count();
        object["sent"] = upstream.sent;
        object["answered"] = upstream.answered;
        object["timeouts"] = upstream.timeouts;
        if (!upstream.trouble.empty()) object["trouble"] = upstream.trouble;
        upstreams.push_back(std::move(object));
    }
    return upstreams;
}

json::object describe_dropped(const std::vector<std::unique_ptr<Worker>>& workers) {
    json::object dropped;
    for (std::size_t i = 0; i < kNoAnswerCount; ++i) {
        std::uint64_t total = 0;
        for (const auto& worker : workers) total += worker->tally().no_answers[i].value();
        dropped[to_string(static_cast<NoAnswer>(i))] = total;
    }
    return dropped;
}

void collect_upstreams(const Snapshot& snapshot,
                       const std::vector<std::unique_ptr<Worker>>& workers,
                       runtime::MetricSink& sink) {
    for (const auto& upstream : summarise_upstreams(snapshot, workers)) {
        const runtime::Labels labels{{"upstream", upstream.server.to_string()}};
        sink.gauge("hearth_dns_upstream_up", "1 while the upstream answers.", labels,
                   upstream.is_dead ? 0 : 1);
        sink.gauge("hearth_dns_upstream_rtt_seconds", "Smoothed round-trip time; 0: unknown yet.",
                   labels, std::chrono::duration<double>(upstream.smoothed_rtt).count());
        sink.counter("hearth_dns_upstream_queries_total", "Questions sent to the upstream.", labels,
                     static_cast<double>(upstream.sent));
        sink.counter("hearth_dns_upstream_answers_total", "Answers of the upstream.", labels,
                     static_cast<double>(upstream.answered));
        sink.counter("hearth_dns_upstream_timeouts_total", "Questions it let time out.", labels,
                     static_cast<double>(upstream.timeouts));
    }
}

}  // namespace hearth::dns
