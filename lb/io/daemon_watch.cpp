#include "lb/io/daemon_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "runtime/control_client.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

constexpr Duration kReconnect = 100ms;
constexpr Duration kAnswerWithin = 500ms;

}  // namespace

struct DaemonWatch::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, std::filesystem::path s, Ask a, std::function<void(Health)> v)
        : loop(l),
          socket(std::move(s)),
          ask(std::move(a)),
          on_verdict(std::move(v)),
          reconnect(l.context()),
          next_question(l.context()) {}

    void connect() {
        stream = runtime::EventStream::open(
            loop, socket, "/events?topic=health",
            {[this] {
                 state.connected();
                 question();
             },
             [](const runtime::ControlEvent&) {}, [this](const Error&) { lost(); }});
    }

    void lost() {
        stream.reset();
        next_question.cancel();
        ++round;
        state.disconnected();
        tell();
        reconnect.expires_after(kReconnect);
        reconnect.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed) self->connect();
        });
    }

    void question() {
        ask([self = shared_from_this(), asked = round](Answered answered) {
            if (self->closed || asked != self->round) return;
            answered == Answered::kYes ? self->state.answered() : self->state.unanswered();
            self->tell();
            self->wait_for_next();
        });
    }

    void wait_for_next() {
        next_question.expires_after(state.until_next_question());
        next_question.async_wait(
            [self = shared_from_this()](const boost::system::error_code& error) {
                if (!error && !self->closed) self->question();
            });
    }

    void tell() {
        const auto verdict = state.verdict();
        if (!verdict || verdict == told) return;
        told = verdict;
        on_verdict(*verdict);
    }

    runtime::EventLoop& loop;
    std::filesystem::path socket;
    Ask ask;
    std::function<void(Health)> on_verdict;
    boost::asio::steady_timer reconnect;
    boost::asio::steady_timer next_question;
    std::unique_ptr<runtime::EventStream> stream;
    DaemonHealth state;
    std::optional<Health> told;
    unsigned round = 0;  // of connections: answers to an earlier process do not count
    bool closed = false;
};

DaemonWatch::DaemonWatch(runtime::EventLoop& loop, std::filesystem::path socket, Ask ask,
                         std::function<void(Health)> on_verdict)
    : impl_(
          std::make_shared<Impl>(loop, std::move(socket), std::move(ask), std::move(on_verdict))) {
    impl_->connect();
}

DaemonWatch::~DaemonWatch() {
    impl_->closed = true;
    impl_->stream.reset();
    impl_->reconnect.cancel();
    impl_->next_question.cancel();
}

Health DaemonWatch::health() const noexcept { return impl_->state.health(); }

std::string_view DaemonWatch::reason() const noexcept { return impl_->state.reason(); }

DaemonWatch::Ask ask_control_health(runtime::EventLoop& loop, std::filesystem::path socket) {
    return [&loop, socket = std::move(socket)](std::function<void(Answered)> done) {
        runtime::async_control_request(
            loop, socket, runtime::ControlMethod::kGet, "/health", "", kAnswerWithin,
            [done = std::move(done)](const Result<runtime::ControlResponse>& answer) {
                done(answer && answer->status == 200 ? Answered::kYes : Answered::kNo);
            });
    };
}

}  // namespace hearth::lb
