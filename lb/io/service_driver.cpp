#include "lb/io/service_driver.h"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "lb/io/backend_probe.h"
#include "lb/io/clock.h"
#include "lb/io/flow_table.h"
#include "lb/io/nft_monitor.h"
#include "lb/io/script_runner.h"
#include "lb/io/service_table.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

using Shape = InstalledRules::Shape;

// Changes of others are heard at once; this is for what nobody could hear.
constexpr Duration kLookEvery = 60s;
constexpr Duration kLookAtRoomEvery = 5s;
constexpr Duration kCleanUpAfter = 100ms;
// Then nothing leads to chains any more that were left (service_plan.h).
constexpr Duration kTidyAfter = 2s;

// The table of one family, and what we know of it.
struct Half {
    IpFamily family;
    std::optional<ServiceTable> table;
    std::optional<InstalledServices> installed;  // none: to be read
    BackendHits hits;                            // of slots that are gone or were changed
    bool is_kept = false;                        // as it is, for the next instance
};

}  // namespace

struct ServiceDriver::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p, runtime::FileDescriptor process,
         std::function<void(const BackendReport&)> call)
        : loop(l),
          problems(p),
          scripts(l, std::move(process)),
          on_backend(std::move(call)),
          question(l.context()),
          look(l.context()),
          room(l.context()),
          cleaning(l.context()) {}

    // --- what the kernel has ------------------------------------------------------------------

    Result<void> read(Half& half) {
        if (half.installed) return {};
        if (!half.table) {
            auto opened = ServiceTable::open(half.family);
            if (!opened) return fail(opened.error());
            half.table.emplace(std::move(*opened));
        }
        auto installed = half.table->read();
        if (!installed) return fail(installed.error());
        half.installed = std::move(*installed);
        return {};
    }

    void listen() {
        if (monitor || board.services().empty()) return;
        std::set<std::uint32_t> ours;
        for (const Half& half : halves)
            if (half.table) ours.insert(half.table->netlink_port());
        auto opened = NftMonitor::open(loop, {NftFamily::kIpv4, NftFamily::kIpv6}, std::move(ours),
                                       [this] { restore(); });
        if (opened) monitor = std::move(*opened);
    }

    void restore() {
        for (Half& half : halves) half.installed.reset();
        sync();
    }

    // --- what it shall have -------------------------------------------------------------------

    void sync() {
        const TimePoint begin = now();
        Result<void> done;
        for (Half& half : halves)
            if (auto one = sync(half); !one) done = one;
        timings.whole = now() - begin;
        if (done || board.services().empty())
            problems.clear("services");
        else
            problems.raise(
                "services",
                "connections to services do not reach their backends: " + done.error().to_string(),
                runtime::Severity::kError);
        listen();
        look_later(kTidyAfter);
    }

    Result<void> sync(Half& half) {
        if (half.is_kept) return {};
        if (auto done = read(half); !done) return done;
        ServiceProgram program = board.program();
        std::erase_if(program,
                      [&](const auto& one) { return one.first.vip.family() != half.family; });
        return commit(half, plan_services(*half.installed, program));
    }

    Result<void> commit(Half& half, const std::vector<ServiceOperation>& operations) {
        if (operations.empty()) return {};
        log::debug("services_changed", {{"operations", operations.size()}});
        count_what_goes(half, operations);
        const auto done = half.table->commit(operations);
        if (!done) {
            half.installed.reset();
            return done;
        }
        for (const auto& operation : operations) half.installed->record(operation);
        return {};
    }

    // Elements take their counts along when they go.
    void count_what_goes(Half& half, const std::vector<ServiceOperation>& operations) {
        for (const auto& one : operations) {
            if (one.kind != ServiceOperation::Kind::kChangeSlots) continue;
            const bool has_old = std::ranges::any_of(
                one.slots, [](const SlotChange& change) { return change.before.has_value(); });
            if (!has_old) continue;
            const auto counted = half.table->hits(one.port, one.slots);
            if (counted) add(half.hits, *half.installed, *counted);
        }
    }
    static void add(BackendHits& hits, const InstalledServices& installed,
                    const SlotHits& counted) {
        for (const auto& [port, slots] : counted) {
            const auto found = installed.slots.find(port);
            if (found == installed.slots.end()) continue;
            for (const auto& [slot, count] : slots)
                if (slot < found->second.size() && found->second[slot])
                    hits[port][*found->second[slot]] += count;
        }
    }

    void tidy(Half& half) {
        if (!half.installed || half.installed->shape != Shape::kCurrent) return;
        const auto unused = unused_chains(*half.installed, board.program());
        if (unused.empty() || !half.table->remove_chains(unused)) return;
        for (const auto& chain : unused) half.installed->chains.erase(chain);
    }

    void look_later(Duration after) {
        look.expires_after(after);
        look.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (error || self->closed || self->board.services().empty()) return;
            for (Half& half : self->halves) self->tidy(half);
            const bool is_time = now() - self->looked >= kLookEvery;
            if (is_time) {
                self->looked = now();
                return self->restore();
            }
            self->look_later(kLookEvery);
        });
    }

    // --- flows --------------------------------------------------------------------------------

    [[nodiscard]] bool is_living(const BalancedService& service, const Endpoint& answerer) const {
        const bool is_range = service.balancing.last_port != 0;
        return std::ranges::any_of(board.living(service), [&](const Endpoint& one) {
            return one.address == answerer.address && (is_range || one.port == answerer.port);
        });
    }

    // UDP flows of our ports, also of those that were, to backends that do not serve them.
    void cut_flows(IpFamily family, const std::set<OpenPort>& former) {
        if (const auto done = open_flows(); !done)
            return log::warn("flows_unknown", {{"reason", done.error().detail}});
        const auto removed = flows->remove(family, [&](const UdpFlow& flow) {
            const OpenPort port{flow.addressee.address, Transport::kUdp, flow.addressee.port};
            const BalancedService* service = board.find(port);
            if (service == nullptr) return former.contains(port);
            return !is_living(*service, flow.answerer);
        });
        if (!removed)
            log::warn("flows_kept", {{"reason", removed.error().to_string()}});
        else if (*removed > 0)
            log::info("flows_cut", {{"count", *removed}});
    }

    Result<void> open_flows() {
        if (flows) return {};
        auto opened = FlowTable::open();
        if (!opened) return fail(opened.error());
        flows.emplace(std::move(*opened));
        return {};
    }

    // What does not fit any more, the kernel drops.
    void look_at_room() {
        room.cancel();
        if (board.services().empty()) return problems.clear("connections_full");
        const auto count = open_flows() ? flows->count() : FlowCount{};
        if (count && count->now >= count->most - count->most / 20 && count->most != 0)
            problems.raise("connections_full",
                           "the kernel tracks " + std::to_string(count->now) + " connections of " +
                               std::to_string(count->most) +
                               " at most, and drops new ones to services (names and pages behind a "
                               "VIP need none): see who makes them with `conntrack -L`, or raise "
                               "net.netfilter.nf_conntrack_max",
                           runtime::Severity::kError);
        else
            problems.clear("connections_full");
        room.expires_after(kLookAtRoomEvery);
        room.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->look_at_room();
        });
    }

    void forget_clients(Half& half) {
        if (!half.table || !half.installed || half.installed->shape != Shape::kCurrent) return;
        const auto done =
            half.table->forget_clients([&](const OpenPort& port, const Endpoint& backend) {
                const BalancedService* service = board.find(port);
                return service != nullptr && service->balancing.affinity.count() != 0 &&
                       !service->drained.contains(backend) && is_living(*service, backend);
            });
        if (!done) log::warn("affinity_kept", {{"reason", done.error().to_string()}});
    }

    Half& half_of(const OpenPort& port) { return halves[port.vip.is_v4() ? 0 : 1]; }

    // --- backends -----------------------------------------------------------------------------

    void apply(std::vector<BalancedService> services) {
        std::set<OpenPort> former;
        for (const auto& [port, service] : board.services())
            for (std::uint32_t number = port.port;
                 number <= std::max(port.port, service.balancing.last_port); ++number)
                former.insert({port.vip, port.transport, static_cast<std::uint16_t>(number)});
        InstalledServices present;
        for (Half& half : halves)
            if (read(half))
                present.slots.insert(half.installed->slots.begin(), half.installed->slots.end());
        board.apply(std::move(services), present, now());
        looked = now();
        sync();
        if (former.empty())
            clean_up_later();
        else
            clean_up(former);
        show_backends();
        ask_when_due();
        look_at_room();
    }

    void withdraw() {
        for (Half& half : halves) {
            if (!half.installed || half.installed->shape != Shape::kCurrent || !has_open(half))
                continue;
            if (commit(half, plan_end(*half.installed))) half.is_kept = true;
        }
        apply({});
    }

    [[nodiscard]] bool has_open(const Half& half) {
        std::vector<IpAddress> vips;
        for (const auto& [port, service] : board.services())
            if (port.vip.family() == half.family) vips.push_back(port.vip);
        if (vips.empty() || !open_flows()) return false;
        const auto open = flows->tcp_to(half.family, vips);
        return open && !open->empty();
    }

    // At the start: to read the flows takes the kernel 10 ms for each family, and nobody owns the
    // VIPs before they are probed.
    void clean_up_later() {
        cleaning.expires_after(kCleanUpAfter);
        cleaning.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->clean_up({});
        });
    }

    void clean_up(const std::set<OpenPort>& former) {
        for (Half& half : halves) {
            const auto is_udp = [&](const OpenPort& port) {
                return port.transport == Transport::kUdp && port.vip.family() == half.family;
            };
            const bool has_flows = std::ranges::any_of(former, is_udp) ||
                                   std::ranges::any_of(board.services(), [&](const auto& one) {
                                       return is_udp(one.first);
                                   });
            if (has_flows) cut_flows(half.family, former);
            const bool has_clients = std::ranges::any_of(board.services(), [&](const auto& one) {
                return one.second.balancing.affinity.count() != 0 &&
                       one.first.vip.family() == half.family;
            });
            if (has_clients) forget_clients(half);
        }
    }

    void ask_when_due() {
        const TimePoint next = board.checks().next_deadline();
        question.cancel();
        if (next == kNever) return;
        question.expires_at(next);
        question.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (error || self->closed) return;
            for (const CheckTarget& target : self->board.checks().take_due(now()))
                ask_backend(self->loop, self->scripts, target, [self, target](Answered answered) {
                    if (!self->closed) self->on_answer(target, answered);
                });
            self->ask_when_due();
        });
    }

    void on_answer(const CheckTarget& target, Answered answered) {
        const TimePoint begin = now();
        const auto outcome = board.answered(target, answered == Answered::kYes);
        if (outcome == BackendChecks::Outcome::kAsBefore) return;
        std::set<IpFamily> udp;
        bool is_remembered = false;
        BackendReport report{target.endpoint, board.checks().state(target), {}};
        for (const OpenPort& port : board.ports_of(target)) {
            const BalancedService& service = board.services().at(port);
            change(port);
            if (port.transport == Transport::kUdp) udp.insert(port.vip.family());
            is_remembered |= service.balancing.affinity.count() != 0;
            if (std::ranges::find(report.services, service.name) == report.services.end())
                report.services.push_back(service.name);
        }
        timings.change = now() - begin;
        for (const IpFamily family : udp) cut_flows(family, {});
        if (is_remembered)
            for (Half& half : halves) forget_clients(half);
        show_backends();
        on_backend(report);
    }

    void change(const OpenPort& port) {
        Half& half = half_of(port);
        if (!half.installed || half.installed->shape != Shape::kCurrent) return sync();
        if (!commit(half, plan_port(*half.installed, port, board.program(port)))) sync();
    }

    void show_backends() {
        std::string dead;
        for (const CheckTarget& target : board.down()) {
            const std::string text = target.endpoint.to_string();
            if (dead.find(text) != std::string::npos) continue;
            const BalancedService& service = board.services().at(board.ports_of(target).front());
            dead += (dead.empty() ? "" : ", ") + text + " (" + service.name + ")";
        }
        if (dead.empty()) return problems.clear("service_backends");
        problems.raise("service_backends",
                       "no answer from " + dead + ": they get no connections until they answer");
    }

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    ScriptRunner scripts;
    std::function<void(const BackendReport&)> on_backend;
    boost::asio::steady_timer question;
    boost::asio::steady_timer look;
    boost::asio::steady_timer room;
    boost::asio::steady_timer cleaning;
    TimePoint looked;
    ServiceBoard board;
    std::array<Half, 2> halves{Half{IpFamily::kV4, {}, {}, {}}, Half{IpFamily::kV6, {}, {}, {}}};
    ServiceTimings timings;
    std::optional<FlowTable> flows;
    std::unique_ptr<NftMonitor> monitor;
    bool closed = false;
};

ServiceDriver::ServiceDriver(runtime::EventLoop& loop, runtime::Problems& problems,
                             runtime::FileDescriptor scripts,
                             std::function<void(const BackendReport&)> on_backend)
    : impl_(std::make_shared<Impl>(loop, problems, std::move(scripts), std::move(on_backend))) {}

ServiceDriver::~ServiceDriver() {
    impl_->closed = true;
    impl_->monitor.reset();
    impl_->question.cancel();
    impl_->look.cancel();
    impl_->room.cancel();
    impl_->cleaning.cancel();
}

void ServiceDriver::apply(std::vector<BalancedService> services) {
    impl_->apply(std::move(services));
}

void ServiceDriver::withdraw() { impl_->withdraw(); }

std::size_t ServiceDriver::preview(const std::vector<BalancedService>& services) {
    std::size_t operations = 0;
    for (Half& half : impl_->halves) {
        if (!impl_->read(half)) continue;
        ServiceProgram program = impl_->board.preview(services);
        std::erase_if(program,
                      [&](const auto& one) { return one.first.vip.family() != half.family; });
        operations += plan_services(*half.installed, program).size();
    }
    return operations;
}

ScriptRunner& ServiceDriver::scripts() noexcept { return impl_->scripts; }

const ServiceBoard& ServiceDriver::board() const noexcept { return impl_->board; }

const ServiceTimings& ServiceDriver::timings() const noexcept { return impl_->timings; }

BackendHits ServiceDriver::hits() {
    BackendHits all;
    for (Half& half : impl_->halves) {
        for (const auto& [port, backends] : half.hits)
            if (impl_->board.services().contains(port)) all[port] = backends;
        if (!half.installed || half.installed->shape != Shape::kCurrent) continue;
        if (const auto counted = half.table->hits()) Impl::add(all, *half.installed, *counted);
    }
    return all;
}

}  // namespace hearth::lb
