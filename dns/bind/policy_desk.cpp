#include "dns/bind/policy_desk.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <utility>

#include "dns/bind/overrides_json.h"
#include "dns/io/connected_networks.h"
#include "dns/io/text_file.h"
#include "dns/io/time_zone.h"
#include "runtime/atomic_file.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;
using runtime::ControlServer;

constexpr std::int64_t kLongestTtlS = 366 * 24 * 60 * 60LL;

std::int64_t wall_now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// The answer to what was said: complete when it is on disk and the other nodes were told.
struct Told {
    void part_is_done() {
        if (--parts == 0) reply(ControlResponse::json(json::serialize(object) + "\n"));
    }

    json::object object;
    ControlServer::Reply reply;
    int parts = 2;
};

auto refuse(std::string text) { return fail(Errc::kInvalid, "", std::move(text)); }

}  // namespace

PolicyDesk::PolicyDesk(runtime::EventLoop& control, runtime::EventLoop& disk,
                       runtime::Problems& problems, const runtime::DaemonOptions& options,
                       std::function<void()> changed)
    : control_(control),
      disk_(disk),
      problems_(problems),
      path_(options.state_dir / "policy.json"),
      changed_(std::move(changed)),
      spread_(control, options.run_dir, [this]() -> const Overrides& { return overrides_; }),
      neighbours_(control, [this] {
          neighbours_changed_ = true;
          look(wall_now_ms() / 1000);
      }) {
    read();
}

void PolicyDesk::read() {
    const auto text = read_text_file(path_.string(), 1U << 20);
    if (!text) {
        if (text.error().code != Errc::kNotFound)
            problems_.raise("policy_unreadable", text.error().to_string());
        return;
    }
    auto parsed = parse_overrides(*text);
    if (!parsed) {
        problems_.raise("policy_unreadable",
                        path_.string() + ": " + parsed.error().to_string() +
                            "; what `hearth allow` and `hearth deny` said is not in force. It is "
                            "written anew with the next of them");
        return;
    }
    overrides_ = std::move(*parsed);
}

void PolicyDesk::use(const std::shared_ptr<const config::Document>& document, std::string node) {
    document_ = document;
    node_ = std::move(node);
    std::vector<std::string> others;
    for (const auto& other : document_->nodes)
        if (!node_.empty() && other.name != node_) others.push_back(other.name);
    spread_.use(std::move(others));
    std::string unknown;
    for (const auto& group : document_->blocking.groups)
        if (!has_time_zone(group.time_zone)) unknown += " " + group.time_zone;
    if (unknown.empty()) return problems_.clear("time_zone_unknown");
    problems_.raise("time_zone_unknown", "the system's tzdata does not have" + unknown +
                                             ": schedules there follow UTC. Install tzdata, or "
                                             "correct time_zone in blocking.groups");
}

void PolicyDesk::refresh_moment(std::int64_t wall_s) {
    moment_.wall_s = wall_s;
    moment_.interfaces.clear();
    for (const auto& group : document_->blocking.groups)
        for (const std::string& interface : group.interfaces)
            moment_.interfaces[interface] = networks_of(interface);
    moment_.overrides = overrides_.holding(wall_s);
    moment_.neighbours = named_neighbours(*document_, moment_.overrides, neighbours_.all());
    schedules_ = active_schedules(*document_, wall_s);
    neighbours_changed_ = false;
}

void PolicyDesk::apply(Snapshot& snapshot, std::int64_t wall_s) {
    refresh_moment(wall_s);
    const auto left_out = apply_moment(snapshot, *document_, moment_);
    if (left_out.empty()) return problems_.clear("policy_too_many_clients");
    problems_.raise("policy_too_many_clients",
                    "`hearth allow --for` and `hearth deny --for` name more clients than there can "
                    "be policies (" +
                        std::to_string(kMostGroups) + "); " + left_out.front().client +
                        " is left out. Put these clients into a group of blocking.groups");
}

void PolicyDesk::look(std::int64_t wall_s) {
    if (!document_) return;
    spread_.look();
    if (overrides_.forget_old(wall_s)) save([](const Result<void>&) {});
    const bool is_same =
        overrides_.holding(wall_s) == moment_.overrides &&
        active_schedules(*document_, wall_s) == schedules_ &&
        (!neighbours_changed_ ||
         named_neighbours(*document_, moment_.overrides, neighbours_.all()) == moment_.neighbours);
    neighbours_changed_ = false;
    if (!is_same) changed_();
}

void PolicyDesk::add_routes(ControlServer& server) {
    server.route(ControlMethod::kGet, "/policy", [this](const ControlRequest&) {
        return ControlResponse::json(json::serialize(report()) + "\n");
    });
    server.route_async(ControlMethod::kPost, "/policy",
                       [this](const ControlRequest& request, const ControlServer::Reply& reply) {
                           take(request, reply);
                       });
    // What hearth-lb brings from the other nodes.
    server.route_async(ControlMethod::kPost, "/peers/policy",
                       [this](const ControlRequest& request, const ControlServer::Reply& reply) {
                           merge(request, reply);
                       });
    server.route(ControlMethod::kPost, "/peers/policy-wanted", [this](const ControlRequest&) {
        spread_.tell_all();
        return ControlResponse::json("{}\n");
    });
}

Result<Override> PolicyDesk::understand(const ControlRequest& request) const {
    const auto action = request.query_or("action", "");
    Override said;
    said.changed_ms = wall_now_ms();
    said.node = node_;
    said.client = std::string(request.query_or("client", ""));
    if (said.client.size() > 255) return refuse("client: too long");
    const auto ttl_text = request.query_or("ttl_s", "0");
    std::int64_t ttl_s = 0;
    const auto [end, error] =
        std::from_chars(ttl_text.data(), ttl_text.data() + ttl_text.size(), ttl_s);
    if (error != std::errc{} || end != ttl_text.data() + ttl_text.size() || ttl_s < 0 ||
        ttl_s > kLongestTtlS)
        return refuse("ttl_s: a number of seconds is needed, at most a year");
    if (ttl_s > 0) said.until_s = said.changed_ms / 1000 + ttl_s;
    if (action == "pause" || action == "resume") {
        if (!said.client.empty()) return refuse("client: blocking is paused for everybody");
        said.kind = Override::Kind::kPause;
        said.is_lifted = action == "resume";
        return said;
    }
    const auto name = Name::parse(request.query_or("name", ""));
    if (!name || name->is_root()) return refuse("name: a domain name is needed");
    said.name = *name;
    said.kind = action == "deny" ? Override::Kind::kDeny : Override::Kind::kAllow;
    said.is_lifted = action == "forget";
    if (action != "allow" && action != "deny" && action != "forget")
        return refuse("action: allow, deny, forget, pause or resume is needed");
    return said;
}

void PolicyDesk::take(const ControlRequest& request, const ControlServer::Reply& reply) {
    auto said = understand(request);
    if (!said) return reply(ControlResponse::error(400, said.error().detail));
    // A clock that was set back must not make the newest word the oldest.
    for (const Override& before : overrides_.all())
        if (before.name == said->name && before.client == said->client)
            said->changed_ms = std::max(said->changed_ms, before.changed_ms + 1);
    if (!overrides_.put(*said))
        return reply(ControlResponse::error(
            409, "there are " + std::to_string(Overrides::kMost) +
                     " of these already: `hearth rules` lists them; put them into the document"));
    changed_();
    log::info("policy_changed", {{"name", said->name.to_string()}, {"client", said->client}});
    const auto answer = std::make_shared<Told>(Told{override_json(*said), reply});
    json::array& here = answer->object["nodes"].emplace_array();
    if (!node_.empty()) here.push_back(json::object{{"node", node_}, {"holds", true}});
    spread_.tell(*said, [answer](json::array others) {
        auto& nodes = answer->object["nodes"].as_array();
        nodes.insert(nodes.end(), others.begin(), others.end());
        answer->part_is_done();
    });
    save([answer](const Result<void>& saved) {
        answer->object["saved"] = saved.has_value();
        if (!saved) answer->object["error"] = saved.error().to_string();
        answer->part_is_done();
    });
}

void PolicyDesk::merge(const ControlRequest& request, const ControlServer::Reply& reply) {
    const auto said = parse_overrides(request.body);
    if (!said) return reply(ControlResponse::error(400, said.error().to_string()));
    const auto answer = [reply](bool saved) {
        reply(ControlResponse::json(
            json::serialize(json::object{{"saved", saved}, {"now_ms", wall_now_ms()}})));
    };
    const auto merged = overrides_.merge(*said);
    if (merged.is_news) {
        changed_();
        log::info("policy_learnt", {{"rules", said->size()}});
    }
    if (merged.left_out > 0) {
        const std::string why = "there are " + std::to_string(Overrides::kMost) +
                                " rules of `hearth allow` and `hearth deny` already; " +
                                std::to_string(merged.left_out) +
                                " of another node are left out here";
        problems_.raise("policy_full", why +
                                           ". `hearth rules` lists them: put what shall stay "
                                           "into the document and `hearth forget` the rest");
        if (merged.is_news) save([](const Result<void>&) {});
        return reply(ControlResponse::error(409, why));
    }
    problems_.clear("policy_full");
    if (!merged.is_news) return answer(true);
    save([answer](const Result<void>& saved) { answer(saved.has_value()); });
}

void PolicyDesk::save(std::function<void(Result<void>)> done) {
    disk_.post([this, alive = std::weak_ptr(alive_), path = path_,
                text = write_overrides(overrides_), done = std::move(done)] {
        auto saved = runtime::write_file_atomically(path, as_bytes(text));
        control_.post([this, alive, done, saved = std::move(saved)] {
            if (alive.expired()) return;
            if (saved) {
                problems_.clear("policy_not_saved");
                problems_.clear("policy_unreadable");
            } else {
                problems_.raise("policy_not_saved",
                                saved.error().to_string() +
                                    ": what was allowed or denied holds until the next restart");
            }
            done(saved);
        });
    });
}

json::object PolicyDesk::report() const {
    json::object out;
    json::array list;
    for (const Override& said : overrides_.holding(wall_now_ms() / 1000))
        list.push_back(override_json(said));
    out["overrides"] = std::move(list);
    return out;
}

void PolicyDesk::add_status(json::object& status) const {
    status["policy"] = report();
    json::array groups;
    std::size_t next = 0;
    for (const auto& group : document_->blocking.groups) {
        json::object object;
        object["name"] = group.name;
        json::array active;
        for (std::size_t i = 0; i < group.schedule.size(); ++i, ++next)
            if (next < schedules_.size() && schedules_[next]) active.emplace_back(i);
        object["active_schedules"] = std::move(active);
        groups.push_back(std::move(object));
    }
    status["groups"] = std::move(groups);
}

}  // namespace hearth::dns
