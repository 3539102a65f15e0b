#include "lb/io/firewall_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <utility>

#include "base/time.h"
#include "lb/core/firewall_walk.h"
#include "lb/io/firewall_reader.h"
#include "lb/io/legacy_firewall.h"
#include "lb/io/nft_monitor.h"
#include "lb/io/route_netlink.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

using firewall::Obstacle;

// Firewalls come in many small changes.
constexpr Duration kCalmFor = 1s;
// Interfaces and addresses may come later.
constexpr Duration kLookEvery = 60s;

firewall::Interface interface_of(const IpAddress& address) {
    auto route = RouteNetlink::open();
    if (!route) return {};
    const auto addresses = route->addresses();
    const auto links = route->interfaces();
    if (!addresses || !links) return {};
    for (const auto& one : *addresses) {
        if (one.address != address) continue;
        for (const auto& link : *links)
            if (link.index == one.interface)
                return {link.name, static_cast<std::uint32_t>(link.index)};
    }
    return {};
}

const char* advice_of(Obstacle::Maker maker) {
    using Maker = Obstacle::Maker;
    switch (maker) {
        case Maker::kUfw:
            return "ufw: `sudo ufw allow PORT/PROTOCOL`, for what is passed on `sudo ufw route "
                   "allow proto PROTOCOL to any port PORT`";
        case Maker::kFirewalld:
            return "firewalld: `sudo firewall-cmd --permanent --add-port=PORT/PROTOCOL`, for what "
                   "is passed on `--add-forward`, then `sudo firewall-cmd --reload`";
        case Maker::kIptables:
            return "iptables: `sudo iptables -I INPUT -p PROTOCOL --dport PORT -j ACCEPT` (without "
                   "`--ctstate NEW`), for what is passed on in FORWARD";
        case Maker::kNftables: break;
    }
    return "nftables: add `PROTOCOL dport PORT accept` to that chain (without `ct state new`)";
}

}  // namespace

struct FirewallWatch::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p) : loop(l), problems(p), timer(l.context()) {}

    void look() {
        if (auto tables = read()) show(*tables);
        show_legacy();
        listen();
        look_later(kLookEvery);
    }

    Result<std::vector<firewall::Table>> read() {
        if (!reader) {
            auto opened = FirewallReader::open();
            if (!opened) return fail(opened.error());
            reader.emplace(std::move(*opened));
        }
        auto tables = reader->read();
        if (!tables) log::debug("firewalls_unknown", {{"reason", tables.error().to_string()}});
        return tables;
    }

    void show(const std::vector<firewall::Table>& tables) {
        std::map<IpAddress, firewall::Interface> interfaces;
        std::map<Obstacle, std::set<std::string>> dropped;
        for (Passage& passage : passages) {
            const auto [known, is_new] = interfaces.try_emplace(passage.at);
            if (is_new) known->second = interface_of(passage.at);
            passage.packet.interface = known->second;
            if (const auto obstacle = find_obstacle(tables, passage.packet))
                dropped[*obstacle].insert(passage.what);
        }
        std::string detail;
        for (const auto& [obstacle, what] : dropped) {
            std::string listed;
            for (const std::string& one : what) listed += (listed.empty() ? "" : ", ") + one;
            detail += (detail.empty() ? "" : ". ") + ("chain " + obstacle.chain + " of table ") +
                      obstacle.table + " drops " + listed + ": allow it there (" +
                      advice_of(obstacle.maker) + ")";
        }
        if (detail.empty()) return problems.clear("firewall");
        problems.raise("firewall", std::move(detail), runtime::Severity::kError);
    }

    void show_legacy() {
        const std::string rules = legacy_firewall();
        if (rules.empty()) return problems.clear("firewall_legacy");
        problems.raise("firewall_legacy",
                       "iptables-legacy has " + rules +
                           ", and whether they let DNS, requests, the other nodes and what is "
                           "passed on to backends through is not known: look at `sudo "
                           "iptables-legacy -S` and `sudo ip6tables-legacy -S`, or make them with "
                           "iptables-nft, whose rules are followed");
    }

    void listen() {
        if (monitor) return;
        auto opened = NftMonitor::open(
            loop, {NftFamily::kInet, NftFamily::kIpv4, NftFamily::kIpv6}, {},
            [this] { look_later(kCalmFor); }, NftMonitor::About::kOtherTables);
        if (opened) monitor = std::move(*opened);
    }

    void look_later(Duration after) {
        timer.expires_after(after);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->look();
        });
    }

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    boost::asio::steady_timer timer;
    std::vector<Passage> passages;
    std::optional<FirewallReader> reader;
    std::unique_ptr<NftMonitor> monitor;
    bool closed = false;
};

FirewallWatch::FirewallWatch(runtime::EventLoop& loop, runtime::Problems& problems)
    : impl_(std::make_shared<Impl>(loop, problems)) {}

FirewallWatch::~FirewallWatch() {
    impl_->closed = true;
    impl_->monitor.reset();
    impl_->timer.cancel();
}

void FirewallWatch::apply(std::vector<Passage> passages) {
    impl_->passages = std::move(passages);
    if (!impl_->passages.empty()) return impl_->look();
    impl_->monitor.reset();
    impl_->timer.cancel();
    impl_->problems.clear("firewall");
    impl_->problems.clear("firewall_legacy");
}

}  // namespace hearth::lb
