#include "lb/io/track_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <utility>

#include "lb/core/backend_checks.h"
#include "lb/io/backend_probe.h"
#include "lb/io/clock.h"
#include "lb/io/script_runner.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {}  // namespace

struct TrackWatch::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, ScriptRunner& runner,
         std::function<void(const std::string&, Health)> handler)
        : loop(l), timer(loop.context()), scripts(runner), on_verdict(std::move(handler)) {}

    void ask_due() {
        for (const CheckTarget& target : checks.take_due(now())) ask(target);
        arm();
    }

    void ask(const CheckTarget& target) {
        const auto hear = [self = shared_from_this(), target](bool is_good) {
            if (!self->closed) self->on_answer(target, is_good);
        };
        if (target.check.kind == BackendCheck::Kind::kScript)
            return scripts.run(
                {target.check.script}, target.check.timeout,
                [hear](ScriptResult result) { hear(result == ScriptResult::kGood); });
        ask_backend(loop, scripts, target,
                    [hear](Answered answered) { hear(answered == Answered::kYes); });
    }

    void on_answer(const CheckTarget& target, bool is_good) {
        const auto outcome = checks.answered(target, is_good);
        if (outcome != BackendChecks::Outcome::kChanged) return;
        const bool is_bad = checks.state(target) == BackendState::kDown;
        for (const auto& [subject, one] : tracked)
            if (one == target) on_verdict(subject, is_bad ? Health::kBad : Health::kGood);
    }

    void arm() {
        timer.cancel();
        const TimePoint next = checks.next_deadline();
        if (next == kNever) return;
        timer.expires_at(next);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->ask_due();
        });
    }

    runtime::EventLoop& loop;
    boost::asio::steady_timer timer;
    ScriptRunner& scripts;
    std::function<void(const std::string&, Health)> on_verdict;
    BackendChecks checks;
    TrackedTargets tracked;
    bool closed = false;
};

TrackWatch::TrackWatch(runtime::EventLoop& loop, ScriptRunner& scripts,
                       std::function<void(const std::string& subject, Health)> on_verdict)
    : impl_(std::make_shared<Impl>(loop, scripts, std::move(on_verdict))) {}

TrackWatch::~TrackWatch() {
    impl_->closed = true;
    impl_->timer.cancel();
}

void TrackWatch::apply(const TrackedTargets& targets) {
    const TrackedTargets old = std::exchange(impl_->tracked, targets);
    for (const auto& [subject, target] : old)
        if (!targets.contains(subject)) impl_->on_verdict(subject, Health::kGood);
    std::set<CheckTarget> wanted;
    for (const auto& [subject, target] : targets) wanted.insert(target);
    impl_->checks.apply(wanted, now());
    impl_->arm();
}

}  // namespace hearth::lb
