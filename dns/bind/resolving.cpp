#include "dns/bind/resolving.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fstream>
#include <set>
#include <utility>

#include "dns/io/wall_clock.h"
#include "runtime/metrics.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;

constexpr std::string_view kWaits = "dnssec_waits_for_clock";
constexpr std::string_view kFailed = "resolver_failed";

bool recurses(const UpstreamGroup& group) {
    return std::any_of(group.servers.begin(), group.servers.end(), [](const auto& server) {
        return server.protocol == UpstreamProtocol::kRecursive;
    });
}

bool any_recurses(const Snapshot& snapshot) {
    return std::any_of(snapshot.groups.begin(), snapshot.groups.end(), recurses);
}

// What clients' own questions go to; zones of dns.forward are the house's and nobody signs them.
std::set<std::uint16_t> groups_of_clients(const Snapshot& snapshot) {
    std::set<std::uint16_t> groups{snapshot.blocking.upstreams};
    for (const BlockPolicy& policy : snapshot.group_policies) groups.insert(policy.upstreams);
    return groups;
}

// The one by which an answer is judged to come from outside (see rebinding protection).
const UpstreamServer& face_of(const UpstreamGroup& group) {
    const auto outside = std::find_if(
        group.servers.begin(), group.servers.end(),
        [](const auto& server) { return !LoopGuard::wants_tag(server.endpoint.address); });
    return outside != group.servers.end() ? *outside : group.servers.front();
}

Result<void> check_file(const std::string& file, const std::string& key) {
    if (std::ifstream(file).good()) return {};
    return fail(Errc::kNotFound, file,
                "cannot be read, and dns." + key +
                    " needs it: install the package dns-root-data, or name another file");
}

}  // namespace

Result<void> Resolving::check(const config::Dns& dns, const Snapshot& snapshot) {
    if (dns.dnssec.mode == config::DnssecMode::kValidate)
        if (auto found = check_file(dns.dnssec.trust_anchor, "dnssec.trust_anchor"); !found)
            return found;
    return any_recurses(snapshot) ? check_file(dns.root_hints, "root_hints") : Result<void>{};
}

std::shared_ptr<Resolver> Resolving::started(const std::shared_ptr<Resolver>& before,
                                             const Resolver::Settings& settings) {
    if (before && before->settings() == settings) return before;
    auto resolver = Resolver::start(settings);
    if (resolver) return std::move(*resolver);
    failure_ = resolver.error().to_string();
    return nullptr;
}

void Resolving::validate(const Resolver::Settings& settings, std::uint16_t group,
                         Snapshot& snapshot, Worker::Resolvers& resolvers) {
    UpstreamGroup& asked = snapshot.groups[group];
    if (asked.servers.empty()) return;
    const bool recurses_alone = asked.servers.size() == 1 && recurses(asked);
    if (recurses_alone) return;  // the recursor validates
    UpstreamServer validator(face_of(asked).endpoint, UpstreamProtocol::kValidator,
                             "group " + std::to_string(group));
    asked.validator = validator;
    const auto door = workers_.front()->open_back_door(group);
    if (!door) {
        failure_ = door.error().to_string();
        return;
    }
    Resolver::Settings own = settings;
    own.servers = {*door};
    own.root_hints.clear();
    Validator& entry = validators_[group];
    // What it has kept is of the servers before.
    if (entry.servers != asked.servers) entry.resolver.reset();
    entry.servers = asked.servers;
    entry.resolver = started(entry.resolver, own);
    if (entry.resolver) resolvers.emplace_back(std::move(validator), entry.resolver);
}

void Resolving::use(const config::Dns& dns, Snapshot& snapshot) {
    dnssec_ = dns.dnssec;
    failure_.clear();
    const bool wants = dns.dnssec.mode == config::DnssecMode::kValidate;
    waits_for_clock_ = wants && !clock_is_known();
    Resolver::Settings settings;
    settings.root_hints = dns.root_hints;
    settings.insecure = dns.dnssec.insecure;
    if (wants && !waits_for_clock_) settings.trust_anchor = dns.dnssec.trust_anchor;

    auto resolvers = std::make_shared<Worker::Resolvers>();
    recursor_ = any_recurses(snapshot) ? started(recursor_, settings) : nullptr;
    if (recursor_)
        resolvers->emplace_back(UpstreamServer({}, UpstreamProtocol::kRecursive, {}), recursor_);
    for (UpstreamGroup& group : snapshot.groups) group.validator.reset();
    auto before = std::exchange(validators_, std::vector<Validator>(snapshot.groups.size()));
    if (!settings.trust_anchor.empty()) {
        before.resize(snapshot.groups.size());
        for (const std::uint16_t group : groups_of_clients(snapshot)) {
            if (group >= snapshot.groups.size()) continue;
            validators_[group] = before[group];
            validate(settings, group, snapshot, *resolvers);
        }
    }
    for (const auto& worker : workers_) worker->set_resolvers(resolvers);

    if (failure_.empty()) {
        problems_.clear(kFailed);
    } else {
        problems_.raise(kFailed, failure_ + "; what needs it is answered with SERVFAIL",
                        runtime::Severity::kError);
    }
    if (!waits_for_clock_) return problems_.clear(kWaits);
    problems_.raise(kWaits,
                    "the clock is not set: signatures have dates, so nothing is validated until it "
                    "is. Nothing needs to be done if a time server is asked");
}

void Resolving::stop() {
    for (const auto& worker : workers_)
        worker->set_resolvers(std::make_shared<const Worker::Resolvers>());
    recursor_.reset();
    validators_.clear();
}

bool Resolving::is_due() const noexcept { return waits_for_clock_ && clock_is_known(); }

json::object Resolving::describe() const {
    const bool wants = dnssec_.mode == config::DnssecMode::kValidate;
    json::object out;
    out["mode"] = wants ? "validate" : "off";
    out["active"] = wants && !waits_for_clock_;
    json::array insecure;
    for (const Name& name : dnssec_.insecure) insecure.emplace_back(name.to_string());
    out["insecure"] = std::move(insecure);
    json::array bogus;
    for (const auto& worker : workers_) {
        for (const Worker::Bogus& one : worker->report().bogus) {
            json::object object;
            object["name"] = one.name.to_string();
            object["type"] = to_string(one.type);
            object["reason"] = one.why;
            bogus.push_back(std::move(object));
        }
    }
    out["bogus"] = std::move(bogus);
    return out;
}

std::string Resolving::why_bogus(const Name& name) const {
    for (const auto& worker : workers_)
        for (const Worker::Bogus& one : worker->report().bogus)
            if (one.name == name) return one.why;
    return {};
}

void Resolving::collect(runtime::MetricSink& sink) const {
    const auto count = [&](const char* status, const Cell Tally::*cell) {
        double total = 0;
        for (const auto& worker : workers_)
            total += static_cast<double>((worker->tally().*cell).value());
        sink.counter("hearth_dns_validated_total", "Answers that were validated (RFC 4035 §4.3).",
                     {{"status", status}}, total);
    };
    if (dnssec_.mode == config::DnssecMode::kOff) return;
    count("secure", &Tally::secure);
    count("insecure", &Tally::insecure);
    count("bogus", &Tally::bogus);
    sink.gauge("hearth_dns_validating", "0 while the clock is not known.", {},
               waits_for_clock_ ? 0 : 1);
}

}  // namespace hearth::dns
