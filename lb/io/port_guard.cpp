#include "lb/io/port_guard.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "base/time.h"
#include "lb/io/nftables.h"
#include "lb/io/service_table.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

constexpr Duration kCheckEvery = 5s;

}  // namespace

struct PortGuard::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p) : loop(l), problems(p), timer(l.context()) {}

    void repair() {
        const auto programmed = install_services();
        if (programmed || services.empty())
            problems.clear("services");
        else
            problems.raise("services",
                           "connections to services do not reach their backends: " +
                               programmed.error().to_string(),
                           runtime::Severity::kError);
        const auto done = install();
        if (done || desired.vips.empty())
            problems.clear("vip_firewall");
        else
            problems.raise("vip_firewall",
                           "ports of VIPs that the document does not name are open: " +
                               done.error().to_string());
    }

    Result<void> install() {
        if (!nftables) {
            auto opened = Nftables::open();
            if (!opened) return fail(opened.error());
            nftables.emplace(std::move(*opened));
        }
        const auto installed = nftables->read();
        if (!installed) return fail(installed.error());
        const auto operations = plan_changes(*installed, desired);
        if (operations.empty()) return {};
        log::info("vip_firewall_changed", {{"operations", operations.size()}});
        return nftables->commit(operations);
    }

    Result<void> install_services() {
        if (!table) {
            auto opened = ServiceTable::open(IpFamily::kV4);
            if (!opened) return fail(opened.error());
            table.emplace(std::move(*opened));
        }
        const auto installed = table->read();
        if (!installed) return fail(installed.error());
        ServiceProgram program;
        for (const auto& [port, balancing] : services)
            program[port] = program_of(port, balancing, {});
        if (const auto unused = unused_chains(*installed, program);
            !unused.empty() && !program.empty())
            (void)table->remove_chains(unused);  // or later
        const auto operations = plan_services(*installed, program);
        if (operations.empty()) return {};
        log::info("services_changed", {{"operations", operations.size()}});
        return table->commit(operations);
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
    BalancedPorts services;
    std::optional<Nftables> nftables;
    std::optional<ServiceTable> table;
    bool closed = false;
};

PortGuard::PortGuard(runtime::EventLoop& loop, runtime::Problems& problems)
    : impl_(std::make_shared<Impl>(loop, problems)) {}

PortGuard::~PortGuard() {
    impl_->closed = true;
    impl_->timer.cancel();
}

void PortGuard::apply(const PortRules& desired, const BalancedPorts& services) {
    impl_->desired = desired;
    impl_->services = services;
    impl_->timer.cancel();
    impl_->repair();
    impl_->check_later();
}

}  // namespace hearth::lb
