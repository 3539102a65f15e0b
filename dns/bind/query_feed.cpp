#include "dns/bind/query_feed.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "dns/bind/query_json.h"
#include "dns/core/query_filter.h"
#include "runtime/control_target.h"

namespace hearth::dns {
namespace {

constexpr std::string_view kTopic = "query";
constexpr std::string_view kFiltered = "query?";

struct Follower {
    std::string topic;
    QueryFilter filter;
};

// A filter that cannot be read takes nothing; `/queries` says what is wrong with it.
std::vector<Follower> followers_of(const runtime::EventHub& events) {
    std::vector<Follower> followers;
    for (auto& topic : events.wanted_with_prefix(kFiltered)) {
        const auto target = runtime::parse_control_target("/" + topic);
        if (!target) continue;
        auto filter = parse_query_filter(target->query, 0);
        if (filter) followers.push_back({std::move(topic), std::move(*filter)});
    }
    return followers;
}

}  // namespace

void QueryFeed::publish(const Snapshot& snapshot, QueryPrivacy privacy) {
    positions_.resize(workers_.size());
    const bool all = events_.wanted(kTopic);
    const auto followers = followers_of(events_);
    const bool wanted = (all || !followers.empty()) && privacy != QueryPrivacy::kNothing;
    std::vector<std::pair<QueryRecord, std::size_t>> fresh;
    std::vector<QueryRecord> records;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        const QueryLog& log = workers_[i]->log();
        records.clear();
        positions_[i] = wanted ? log.read(positions_[i], records) : log.end();
        for (const QueryRecord& record : records) fresh.emplace_back(record, i);
    }
    if (fresh.empty()) return;
    std::stable_sort(fresh.begin(), fresh.end(), [](const auto& a, const auto& b) {
        return a.first.wall_ms < b.first.wall_ms;
    });
    const UpstreamNames upstreams(workers_);
    const auto name_of = [&](const IpAddress& client) { return snapshot.client_name(client); };
    for (const auto& [record, worker] : fresh) {
        auto entry = entry_of(record, snapshot, upstreams.of(worker, record.outcome.upstream));
        withhold(privacy, entry);
        const std::string line = boost::json::serialize(query_object(entry, snapshot));
        if (all) events_.publish(kTopic, line);
        for (const Follower& follower : followers)
            if (follower.filter.takes(entry, name_of)) events_.publish(follower.topic, line);
    }
}

}  // namespace hearth::dns
