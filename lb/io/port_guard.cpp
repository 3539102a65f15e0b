#include "lb/io/port_guard.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "base/time.h"
#include "lb/io/nft_monitor.h"
#include "lb/io/nftables.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

// Changes of others are heard at once; this is for what nobody could hear.
constexpr Duration kCheckEvery = 60s;

}  // namespace

struct PortGuard::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p) : loop(l), problems(p), timer(l.context()) {}

    void repair() {
        const auto done = install();
        if (done || desired.vips.empty())
            problems.clear("vip_firewall");
        else
            problems.raise("vip_firewall",
                           "ports of VIPs that the document does not name are open: " +
                               done.error().to_string());
    }

    Result<void> install() {
        const auto operations = missing(desired);
        if (!operations) return fail(operations.error());
        if (operations->empty()) return {};
        log::info("vip_firewall_changed", {{"operations", operations->size()}});
        return nftables->commit(*operations);
    }

    Result<std::vector<NftOperation>> missing(const PortRules& rules) {
        if (!nftables) {
            auto opened = Nftables::open();
            if (!opened) return fail(opened.error());
            nftables.emplace(std::move(*opened));
        }
        const auto installed = nftables->read();
        if (!installed) return fail(installed.error());
        return plan_changes(*installed, rules);
    }

    void listen() {
        if (monitor || !nftables || desired.vips.empty()) return;
        auto opened = NftMonitor::open(loop, {NftFamily::kInet}, {nftables->netlink_port()},
                                       [this] { repair(); });
        if (opened) monitor = std::move(*opened);
    }

    void check_later() {
        if (desired.vips.empty()) return;
        timer.expires_after(kCheckEvery);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (error || self->closed) return;
            self->repair();
            self->check_later();
        });
    }

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    boost::asio::steady_timer timer;
    PortRules desired;
    std::optional<Nftables> nftables;
    std::unique_ptr<NftMonitor> monitor;
    bool closed = false;
};

PortGuard::PortGuard(runtime::EventLoop& loop, runtime::Problems& problems)
    : impl_(std::make_shared<Impl>(loop, problems)) {}

PortGuard::~PortGuard() {
    impl_->closed = true;
    impl_->monitor.reset();
    impl_->timer.cancel();
}

void PortGuard::apply(const PortRules& desired) {
    impl_->desired = desired;
    impl_->timer.cancel();
    impl_->repair();
    impl_->listen();
    impl_->check_later();
}

std::size_t PortGuard::preview(const PortRules& desired) {
    const auto operations = impl_->missing(desired);
    return operations ? operations->size() : 0;
}

}  // namespace hearth::lb
