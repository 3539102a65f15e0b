#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/ip.h"
#include "config/check.h"
#include "config/places.h"

// Redirects that lead back to where they came from: the path they keep included, over other
// services too.
namespace hearth::config {
namespace {

struct Target {
    std::string host;  // lower case, without its port
    std::uint16_t port = 0;
    std::optional<std::string> path;  // none: the one asked for is added
};

Target target_of(std::string_view url) {
    Target target;
    const std::string_view rest = url.substr(url.find("://") + 3);
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    const auto bracket = authority.find(']');
    const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    target.host = lower_case(authority.substr(0, colon));
    if (target.host.ends_with('.')) target.host.pop_back();
    target.port = url.starts_with("https") ? 443 : 80;
    if (colon != std::string_view::npos)
        target.port = parse_port(authority.substr(colon + 1)).value_or(target.port);
    if (end == rest.size()) return target;
    const std::string_view path = rest.substr(end);
    target.path = path.starts_with('/') ? path.substr(0, path.find_first_of("?#")) : "/";
    return target;
}

bool is_at_or_under(std::string_view path, std::string_view prefix) {
    if (prefix == "/") return true;
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// Who is asked, for what.
using Step = std::pair<const Service*, std::string>;

// Whose a host and a path are, as the proxy finds it.
class Ways {
public:
    explicit Ways(const Document& document) : document_(document) {
        for (const Service& service : document.services) {
            if (!service.is_proxied()) continue;
            std::vector<std::string> labels{service.name};
            labels.insert(labels.end(), service.aliases.begin(), service.aliases.end());
            for (const std::string& label : labels) {
                owners_.emplace(lower_case(label), &service);
                owners_.emplace(lower_case(label) + "." + document.domain.to_string(), &service);
            }
            for (const std::string& host : service.hosts) owners_.emplace(host, &service);
            if (const Service* owner = document.find_service(service.under)) {
                branches_[owner].push_back(&service);
                for (const PathRule& rule : service.paths) add_sample(rule);
            }
        }
    }

    // One path for each way in which rules can tell paths apart.
    [[nodiscard]] const std::set<std::string>& samples() const noexcept { return samples_; }

    // Where the redirect of `from` leads; none when that is not here.
    [[nodiscard]] std::optional<Step> next(const Step& from) const {
        const Target target = target_of(from.first->redirect.to);
        if (!is_ours(target.port)) return std::nullopt;
        const auto owner = owners_.find(target.host);
        if (owner == owners_.end()) return std::nullopt;
        std::string path = target.path.value_or(from.second);
        const Service* service = service_of(owner->second, path);
        if (service->redirect.to.empty()) return std::nullopt;
        return Step{service, std::move(path)};
    }

private:
    void add_sample(const PathRule& rule) {
        samples_.insert(rule.path);
        if (!rule.exact) samples_.insert(rule.path + (rule.path == "/" ? "~" : "/~"));
    }

    [[nodiscard]] bool is_ours(std::uint16_t port) const {
        const Proxy& proxy = document_.proxy;
        const auto listens = [port](const std::vector<Endpoint>& given, std::uint16_t usual) {
            if (given.empty()) return port == usual;
            return std::ranges::any_of(given,
                                       [port](const Endpoint& one) { return one.port == port; });
        };
        return listens(proxy.listen, proxy.http) ||
               (proxy.serves_https() && listens(proxy.listen_https, proxy.https));
    }

    [[nodiscard]] const Service* service_of(const Service* owner, std::string_view path) const {
        const auto known = branches_.find(owner);
        if (known == branches_.end()) return owner;
        const Service* best = owner;
        std::pair<bool, std::size_t> best_rank{false, 0};
        for (const Service* service : known->second) {
            for (const PathRule& rule : service->paths) {
                const std::pair rank(rule.exact, rule.path.size());
                const bool fits = rule.exact ? path == rule.path : is_at_or_under(path, rule.path);
                if (!fits || rank <= best_rank) continue;
                best = service;
                best_rank = rank;
            }
        }
        return best;
    }

    const Document& document_;
    std::map<std::string, const Service*, std::less<>> owners_;
    std::map<const Service*, std::vector<const Service*>> branches_;
    std::set<std::string> samples_{"/", "/~"};
};

void report(CheckContext& context, const std::vector<Step>& loop) {
    const auto place = [&context](const Step& step) {
        return place_of(context.root, {"services", step.first->name, "redirect", "to"});
    };
    const auto& [service, path] = loop.front();
    const bool keeps_path = !target_of(service->redirect.to).path;
    const std::string where =
        keeps_path && path != "/" && path != "/~" ? " for " + path : std::string();
    if (loop.size() == 1) {
        context.diagnostics.error(
            place(loop.front()),
            service->redirect.to + " leads back to " + service->name + " itself" + where +
                ", for ever: name another host or path" +
                (service->under.empty() ? " (plain HTTP is sent to HTTPS without it)" : ""));
        return;
    }
    auto& error = context.diagnostics.error(
        place(loop.front()), service->redirect.to + " leads to " + loop[1].first->name +
                                 " and from there back to " + service->name + where +
                                 ", for ever: let one of them have an upstream, or lead elsewhere");
    for (std::size_t i = 1; i < loop.size(); ++i)
        error.notes.push_back(context.diagnostics.note(place(loop[i]), "it is sent on here"));
}

}  // namespace

void check_redirects(CheckContext& context) {
    const Ways ways(context.document);
    std::set<Step> known;
    std::set<const Service*> told;
    for (const Service& service : context.document.services) {
        if (service.redirect.to.empty()) continue;
        for (const std::string& path : ways.samples()) {
            std::vector<Step> way;
            std::optional<Step> step = Step{&service, path};
            while (step && known.insert(*step).second) {
                way.push_back(*step);
                step = ways.next(*step);
            }
            if (!step) continue;
            const auto begin = std::ranges::find(way, *step);
            if (begin == way.end()) continue;  // looked at before
            std::vector<Step> loop(begin, way.end());
            std::rotate(loop.begin(), std::min_element(loop.begin(), loop.end()), loop.end());
            if (told.insert(loop.front().first).second) report(context, loop);
        }
    }
}

}  // namespace hearth::config
