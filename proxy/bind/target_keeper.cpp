#include "proxy/bind/target_keeper.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>

#include "base/proxy_protocol.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"

namespace hearth::proxy {

namespace {

constexpr Duration kLookEvery = 250ms;

// "http://pi5:80" is also pi5:80 and pi5.
bool is_meant(const UpstreamSpec& spec, const HostAddresses& addresses, std::string_view text) {
    const std::string_view whole = spec.text;
    const auto scheme = whole.find("://");
    if (text == whole || text == spec.host) return true;
    if (scheme != std::string_view::npos && text == whole.substr(scheme + 3)) return true;
    const auto endpoints = endpoints_of(spec, addresses);
    return std::any_of(endpoints.begin(), endpoints.end(), [text](const Endpoint& endpoint) {
        return text == endpoint.to_string() || text == endpoint.address.to_string();
    });
}

std::string fault_of(const HealthCheck& check, const ProbeResult& result) {
    if (result.error.failed()) return std::string(to_string(result.error.reason));
    if (check.connects) return {};
    if (check.grpc) return result.grpc_fault;
    if (result.status >= check.status_from && result.status <= check.status_to) return {};
    return "answers " + std::to_string(result.status) + " at " + check.path;
}

}  // namespace

TargetKeeper::TargetKeeper(runtime::EventLoop& loop, Prober& prober, Changed changed)
    : prober_(prober), changed_(std::move(changed)), timer_(loop.context()) {}

void TargetKeeper::adopt(std::shared_ptr<const Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    gather();
}

void TargetKeeper::set_addresses(std::shared_ptr<const HostAddresses> addresses) {
    addresses_ = std::move(addresses);
    gather();
}

// Those to be checked; who was before keeps what is known unless its check has changed.
void TargetKeeper::gather() {
    std::map<Key, Checked> wanted;
    std::set<Key> all;
    for (const Service& service : snapshot_->services) {
        const std::string preamble = proxy_header_of_nobody(service.send_proxy_protocol);
        for (const UpstreamSpec& spec : service.upstreams) {
            for (const Endpoint& endpoint : endpoints_of(spec, *addresses_)) {
                const Key key{service.name, endpoint};
                all.insert(key);
                if (!service.health.is_wanted()) continue;
                const auto known = checked_.find(key);
                if (known != checked_.end() && known->second.check == service.health &&
                    known->second.security == spec.security && known->second.preamble == preamble) {
                    wanted.emplace(*known);
                } else {
                    wanted.emplace(key, Checked{service.health,
                                                service.hosts.front(),
                                                std::string(socket_at(service, endpoint)),
                                                spec.security,
                                                preamble,
                                                HealthJudge(service.health),
                                                {},
                                                false,
                                                {}});
                }
            }
        }
    }
    checked_ = std::move(wanted);
    std::erase_if(drained_, [&](const Key& key) { return !all.contains(key); });
    publish();
    check_due();
}

void TargetKeeper::check_due() {
    const TimePoint now = std::chrono::steady_clock::now();
    for (auto& [key, checked] : checked_) {
        if (checked.asking || checked.due > now) continue;
        checked.asking = true;
        checked.due = now + checked.check.interval;
        Endpoint asked_at = key.second;
        if (checked.check.port != 0) asked_at.port = checked.check.port;
        prober_.probe(asked_at, checked.security,
                      {checked.host, checked.check.path, checked.socket_path, checked.check.grpc,
                       checked.preamble},
                      checked.check.timeout,
                      [this, asked = key](const ProbeResult& result) { answered(asked, result); });
    }
    if (checked_.empty()) return;
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) check_due();
    });
}

void TargetKeeper::answered(const Key& key, const ProbeResult& result) {
    const auto known = checked_.find(key);
    if (known == checked_.end()) return;
    Checked& checked = known->second;
    checked.asking = false;
    const std::string fault = fault_of(checked.check, result);
    if (!fault.empty()) checked.found = fault;
    if (!checked.judge.report(fault.empty() ? HealthJudge::Answer::kGood
                                            : HealthJudge::Answer::kBad))
        return;
    const std::string upstream =
        checked.socket_path.empty() ? key.second.to_string() : "unix:" + checked.socket_path;
    if (checked.judge.is_up()) {
        log::info("upstream_healthy", {{"service", key.first}, {"upstream", upstream}});
    } else {
        log::warn("upstream_unhealthy",
                  {{"service", key.first}, {"upstream", upstream}, {"found", checked.found}});
    }
    publish();
}

void TargetKeeper::publish() {
    auto states = std::make_shared<UpstreamStates>();
    for (const auto& [key, checked] : checked_) {
        if (!checked.judge.is_up()) states->emplace(key, TargetState::kDown);
    }
    for (const Key& key : drained_) states->insert_or_assign(key, TargetState::kDrained);
    changed_(states);
}

Result<void> TargetKeeper::drain(std::string_view service, std::string_view upstream, Drain state) {
    const auto& services = snapshot_->services;
    const auto found = std::find_if(services.begin(), services.end(),
                                    [&](const Service& one) { return one.name == service; });
    if (found == services.end())
        return fail(Errc::kInvalid, "service", "no service " + std::string(service));
    std::string known;
    bool is_known = false;
    for (const UpstreamSpec& spec : found->upstreams) {
        known.append(known.empty() ? "" : ", ").append(spec.text);
        if (!is_meant(spec, *addresses_, upstream)) continue;
        is_known = true;
        for (const Endpoint& endpoint : endpoints_of(spec, *addresses_)) {
            if (state == Drain::kDrained) {
                drained_.emplace(found->name, endpoint);
            } else {
                drained_.erase({found->name, endpoint});
            }
        }
    }
    if (!is_known)
        return fail(
            Errc::kInvalid, "upstream",
            found->name + " has no upstream " + std::string(upstream) + "; it has " + known);
    publish();
    return {};
}

TargetState TargetKeeper::state_of(const std::string& service, const Endpoint& endpoint) const {
    if (drained_.contains({service, endpoint})) return TargetState::kDrained;
    const auto checked = checked_.find({service, endpoint});
    return checked != checked_.end() && !checked->second.judge.is_up() ? TargetState::kDown
                                                                       : TargetState::kServes;
}

std::string TargetKeeper::detail_of(const std::string& service, const Endpoint& endpoint) const {
    if (state_of(service, endpoint) == TargetState::kDrained) return "drained";
    const auto checked = checked_.find({service, endpoint});
    return checked != checked_.end() ? checked->second.found : std::string{};
}

}  // namespace hearth::proxy
