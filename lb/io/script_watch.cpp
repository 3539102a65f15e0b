#include "lb/io/script_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <utility>

#include "lb/core/backend_checks.h"
#include "lb/io/script_runner.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

struct ScriptWatch::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& loop, ScriptRunner& runner,
         std::function<void(const std::string&, Health)> handler)
        : timer(loop.context()), scripts(runner), on_verdict(std::move(handler)) {}

    void run_due() {
        for (const CheckTarget& target : checks.take_due(now())) {
            scripts.run({target.check.script}, target.check.timeout,
                        [self = shared_from_this(), target](ScriptResult result) {
                            if (!self->closed) self->on_result(target, result);
                        });
        }
        arm();
    }

    void on_result(const CheckTarget& target, ScriptResult result) {
        const auto outcome = checks.answered(target, result == ScriptResult::kGood);
        if (outcome != BackendChecks::Outcome::kChanged) return;
        const bool is_bad = checks.state(target) == BackendState::kDown;
        for (const auto& [subject, check] : tracked)
            if (check == target.check) on_verdict(subject, is_bad ? Health::kBad : Health::kGood);
    }

    void arm() {
        timer.cancel();
        const TimePoint next = checks.next_deadline();
        if (next == kNever) return;
        timer.expires_at(next);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->run_due();
        });
    }

    boost::asio::steady_timer timer;
    ScriptRunner& scripts;
    std::function<void(const std::string&, Health)> on_verdict;
    BackendChecks checks;
    TrackedScripts tracked;
    bool closed = false;
};

ScriptWatch::ScriptWatch(runtime::EventLoop& loop, ScriptRunner& scripts,
                         std::function<void(const std::string& subject, Health)> on_verdict)
    : impl_(std::make_shared<Impl>(loop, scripts, std::move(on_verdict))) {}

ScriptWatch::~ScriptWatch() {
    impl_->closed = true;
    impl_->timer.cancel();
}

void ScriptWatch::apply(const TrackedScripts& scripts) {
    const TrackedScripts old = std::exchange(impl_->tracked, scripts);
    for (const auto& [subject, check] : old)
        if (!scripts.contains(subject)) impl_->on_verdict(subject, Health::kGood);
    std::set<CheckTarget> wanted;
    for (const auto& [subject, check] : scripts) wanted.insert({Endpoint{}, check});
    impl_->checks.apply(wanted, now());
    impl_->arm();
}

}  // namespace hearth::lb
