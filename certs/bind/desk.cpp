#include "certs/bind/desk.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "certs/core/calendar.h"
#include "runtime/control_server.h"
#include "runtime/daemon.h"
#include "runtime/metrics.h"

namespace hearth::certs {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;

// The group may look; keys are for those who use them.
bool is_owner(const ControlRequest& request) {
    return request.uid == 0 || request.uid == geteuid();
}

bool is_user(const ControlRequest& request, const char* name) {
    const passwd* user = getpwnam(name);
    return user != nullptr && user->pw_uid == request.uid;
}

ControlResponse refused(const char* to_whom) {
    return ControlResponse::error(403, std::string("only for ") + to_whom);
}

ControlResponse answer(const json::object& object) {
    return ControlResponse::json(json::serialize(object) + "\n");
}

ControlResponse answer(const Error& error) {
    const int status = error.code == Errc::kConflict      ? 409
                       : error.code == Errc::kInvalid     ? 400
                       : error.code == Errc::kUnavailable ? 503
                                                          : 500;
    return ControlResponse::error(status, error.to_string());
}

json::object root_json(const Authority& authority) {
    const Root* root = authority.root();
    if (root == nullptr) return {{"state", "none"}};
    const RootFacts& facts = root->facts();
    json::array domains;
    json::array networks;
    for (const std::string& domain : facts.scope.domains) domains.push_back(json::value(domain));
    for (const IpPrefix& network : facts.scope.networks)
        networks.push_back(json::value(network.to_string()));
    return {{"state", "ok"},
            {"subject", facts.subject},
            {"fingerprint", facts.fingerprint},
            {"not_before", facts.validity.not_before},
            {"not_after", facts.validity.not_after},
            {"domains", std::move(domains)},
            {"networks", std::move(networks)}};
}

ControlResponse show(const Authority& authority) {
    json::object object = root_json(authority);
    if (const Root* root = authority.root()) object["certificate"] = root->certificate();
    return answer(object);
}

ControlResponse hand_out_root(const Authority& authority, const ControlRequest& request) {
    if (!is_owner(request)) return refused("root");
    const Root* root = authority.root();
    if (root == nullptr) return ControlResponse::error(404, "there is no root: hearth ca init");
    return answer({{"certificate", root->certificate()}, {"key", root->key()}});
}

ControlResponse hand_out_leaves(const Authority& authority, const ControlRequest& request) {
    const std::string_view consumer = request.query_or("for", "");
    if (consumer != "proxy" && consumer != "dns")
        return ControlResponse::error(400, "for=proxy or for=dns");
    const bool is_proxy = consumer == "proxy";
    const char* user = is_proxy ? "hearth-proxy" : "hearth-dns";
    if (!is_owner(request) && !is_user(request, user)) return refused(user);
    json::array leaves;
    for (auto& leaf : authority.leaves_of(is_proxy ? Consumer::kProxy : Consumer::kDns))
        leaves.push_back(json::object{{"name", leaf.name}, {"pem", leaf.pem}});
    json::object object{{"leaves", std::move(leaves)}};
    if (const Root* root = authority.root()) object["root"] = root->certificate();
    return answer(object);
}

std::string hex_of(std::string_view octets) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        text += {kHex[octet >> 4], kHex[octet & 15]};
    }
    return text;
}

// One label: a name with dots would have to be one of the home's (RFC 5280 §4.2.1.10).
bool is_client_name(std::string_view name) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), is_good);
}

// The body is the password of the PKCS #12 text.
ControlResponse make_client(Authority& authority, const ControlRequest& request) {
    constexpr int kMostDays = 3650;
    constexpr std::size_t kLeastPassword = 4;
    if (!is_owner(request)) return refused("root");
    const std::string name(request.query_or("name", ""));
    if (!is_client_name(name))
        return ControlResponse::error(400, "a client's name has letters, digits, - and _ alone");
    const std::string days_text(request.query_or("days", "365"));
    int days = 0;
    const auto [end, error] =
        std::from_chars(days_text.data(), days_text.data() + days_text.size(), days);
    if (error != std::errc{} || end != days_text.data() + days_text.size() || days < 1 ||
        days > kMostDays)
        return ControlResponse::error(400, "days are a number, 1 to 3650");
    const std::string password(request.body);
    if (password.size() < kLeastPassword)
        return ControlResponse::error(400, "the password is too short");
    const UnixTime now = wall_clock();
    auto made = authority.make_client(name, days, password, now);
    if (!made) return answer(made.error());
    return answer(
        {{"name", name},
         {"not_after", client_validity(now, days, authority.root()->facts().validity).not_after},
         {"pem", made->pem},
         {"pkcs12", hex_of(made->pkcs12)}});
}

Authority::Replace replace_of(const ControlRequest& request) {
    return request.query_or("replace", "0") == "1" ? Authority::Replace::kAllowed
                                                   : Authority::Replace::kNever;
}

}  // namespace

void add_routes(runtime::Daemon& daemon, Authority& authority, std::function<void()> changed) {
    auto& control = daemon.control();
    control.route(ControlMethod::kGet, "/ca",
                  [&authority](const ControlRequest&) { return show(authority); });
    control.route(ControlMethod::kGet, "/ca/export", [&authority](const ControlRequest& request) {
        return hand_out_root(authority, request);
    });
    control.route(ControlMethod::kGet, "/leaves", [&authority](const ControlRequest& request) {
        return hand_out_leaves(authority, request);
    });
    const auto on_post = [&](const char* path, auto action) {
        control.route(ControlMethod::kPost, path,
                      [&authority, changed, action](const ControlRequest& request) {
                          if (!is_owner(request)) return refused("root");
                          if (const Result<void> done = action(request); !done)
                              return answer(done.error());
                          changed();
                          return show(authority);
                      });
    };
    control.route(ControlMethod::kPost, "/ca/client", [&authority](const ControlRequest& request) {
        return make_client(authority, request);
    });
    on_post("/ca/init", [&authority](const ControlRequest& request) {
        return authority.make_root(wall_clock(), replace_of(request));
    });
    on_post("/ca/import", [&authority](const ControlRequest& request) {
        return authority.take_root(request.body, wall_clock(), replace_of(request));
    });
}

void describe(const Authority& authority, json::object& status) {
    status["ca"] = root_json(authority);
    json::array leaves;
    for (const auto& entry : authority.ledger().all()) {
        json::object one{{"name", entry.wanted.name},
                         {"for", entry.wanted.consumer == Consumer::kProxy ? "proxy" : "dns"}};
        if (entry.held) {
            one["not_after"] = entry.held->not_after;
            one["renewed_at"] = renewal_of(*entry.held, entry.wanted.name);
        }
        if (!entry.fault.empty()) one["fault"] = entry.fault;
        leaves.push_back(std::move(one));
    }
    status["leaves"] = std::move(leaves);
}

void collect(const Authority& authority, runtime::MetricSink& sink) {
    sink.counter("hearth_certs_issued_total", "Leaves that were made.", {},
                 static_cast<double>(authority.issued()));
    if (const Root* root = authority.root())
        sink.gauge("hearth_tls_certs_not_after_seconds", "When a certificate ends, since 1970.",
                   {{"name", root->facts().subject}},
                   static_cast<double>(root->facts().validity.not_after));
}

}  // namespace hearth::certs
