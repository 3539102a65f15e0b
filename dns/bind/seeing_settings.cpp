#include "dns/bind/seeing_settings.h"

#include <boost/json/object.hpp>
#include <chrono>

namespace hearth::dns {
namespace {

QueryPrivacy privacy_of(config::QueryPrivacy privacy) {
    switch (privacy) {
        case config::QueryPrivacy::kEverything: return QueryPrivacy::kEverything;
        case config::QueryPrivacy::kNetworks: return QueryPrivacy::kNetworks;
        case config::QueryPrivacy::kNames: return QueryPrivacy::kNames;
        case config::QueryPrivacy::kCounts: return QueryPrivacy::kCounts;
        case config::QueryPrivacy::kNothing: return QueryPrivacy::kNothing;
    }
    return QueryPrivacy::kNothing;
}

}  // namespace

QueryHistory::Settings history_settings(const config::Dns& dns) {
    return {dns.query_log.keep, dns.query_log.max_bytes, dns.query_log.flush,
            privacy_of(dns.query_log.privacy)};
}

boost::json::object query_log_json(const QueryHistory::Status& status,
                                   const config::QueryLogSettings& settings) {
    boost::json::object object;
    const bool on_disk = settings.keep.count() > 0;
    object["where"] = !on_disk ? "memory" : status.has_database ? "disk" : "memory, disk failing";
    object["keep_s"] = settings.keep.count();
    object["last_id"] = status.last_id;
    object["in_memory"] = status.in_memory;
    object["unwritten"] = status.unwritten;
    object["lost"] = status.lost;
    object["file_bytes"] = status.file_bytes;
    object["bytes_written"] = status.written;
    return object;
}

std::unique_ptr<Dnstap> start_dnstap(const config::Document& document, const config::Node* node,
                                     unsigned workers, runtime::Problems& problems) {
    const config::Dnstap& settings = document.dns.dnstap;
    if (settings.socket.empty()) return nullptr;
    Dnstap::Options options;
    options.socket = settings.socket;
    options.identity = !settings.identity.empty() ? settings.identity
                       : node != nullptr          ? node->name
                                                  : "hearth-dns";
    options.version = "hearth-dns " HEARTH_VERSION;
    options.workers = workers;
    auto tap = Dnstap::start(options);
    if (tap) return std::move(*tap);
    problems.raise("dnstap_failed", tap.error().to_string() + ". Correct dns.dnstap and restart");
    return nullptr;
}

void collect_dnstap(const Dnstap& tap, runtime::MetricSink& sink) {
    sink.counter("hearth_dns_dnstap_messages_total", "Messages handed on to dnstap.", {},
                 static_cast<double>(tap.sent()));
    sink.counter("hearth_dns_dnstap_dropped_total",
                 "Messages dropped because the reader of dnstap was too slow.", {},
                 static_cast<double>(tap.dropped()));
}

std::int64_t wall_now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Result<QueryDatabase::Range> stats_range(const runtime::ControlRequest& request) {
    const std::int64_t now = wall_now_ms();
    const auto from = parse_query_time(request.query_or("from", "24h"), now);
    const auto to = parse_query_time(request.query_or("to", "0s"), now);
    if (!from || !to || *from >= *to)
        return fail(Errc::kInvalid, "from, to",
                    "two times in their order are wanted: milliseconds since 1970, or as long ago "
                    "as 90m, 24h, 7d");
    return QueryDatabase::Range{*from, *to};
}

}  // namespace hearth::dns
