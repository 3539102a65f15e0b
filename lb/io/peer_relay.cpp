#include "lb/io/peer_relay.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <utility>
#include <variant>

#include "base/time.h"
#include "runtime/control_client.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

constexpr Duration kDaemonAnswersWithin = 1500ms;
constexpr Duration kNodesAnswerWithin = 2s;
constexpr std::size_t kMostOpen = 256;  // calls that wait for an answer

}  // namespace

struct PeerRelay::Impl : std::enable_shared_from_this<Impl> {
    struct Call {
        explicit Call(runtime::EventLoop& loop) : deadline(loop.context()) {}

        std::vector<RelayOutcome> outcomes;
        std::size_t waiting = 0;
        std::function<void(std::vector<RelayOutcome>)> done;
        boost::asio::steady_timer deadline;
    };

    Impl(runtime::EventLoop& l, PeerHub& h, std::filesystem::path dir)
        : loop(l), hub(h), run_dir(std::move(dir)) {}

    void received(const std::string& node, const PeerMessage& message) {
        if (const auto* call = std::get_if<PeerCall>(&message)) carry_out(node, *call);
        if (const auto* answer = std::get_if<PeerAnswer>(&message)) note(node, *answer);
    }

    void carry_out(const std::string& node, const PeerCall& call) {
        const auto topic = parse_peer_topic(call.topic);
        if (!topic) return answer(node, {call.id, 400, topic.error().detail});
        runtime::async_control_request(
            loop, run_dir / (topic->daemon + ".sock"), runtime::ControlMethod::kPost,
            "/peers/" + topic->subject, call.body, kDaemonAnswersWithin,
            [self = shared_from_this(), node, id = call.id,
             daemon = topic->daemon](const Result<runtime::ControlResponse>& reply) {
                if (!reply)
                    return self->answer(node,
                                        {id, 503, "hearth-" + daemon + " does not run there"});
                self->answer(node, {id, static_cast<std::uint16_t>(reply->status), reply->body});
            });
    }

    void answer(const std::string& node, const PeerAnswer& answer) {
        if (!closed) hub.send(node, answer);
    }

    void note(const std::string& node, const PeerAnswer& answer) {
        const auto call = calls.find(answer.id);
        if (call == calls.end()) return;  // too late
        auto& outcomes = call->second->outcomes;
        const auto outcome = std::find_if(outcomes.begin(), outcomes.end(), [&](const auto& one) {
            return one.node == node && one.status == 0;
        });
        if (outcome == outcomes.end()) return;
        outcome->status = answer.status;
        outcome->text = answer.text;
        if (--call->second->waiting == 0) end(answer.id);
    }

    void end(std::uint32_t id) {
        const auto node = calls.extract(id);
        if (node.empty()) return;
        node.mapped()->deadline.cancel();
        node.mapped()->done(std::move(node.mapped()->outcomes));
    }

    void tell_all(const std::string& topic, std::string body,
                  std::function<void(std::vector<RelayOutcome>)> done) {
        const PeerCall message{++last_id, topic, std::move(body)};
        auto call = std::make_unique<Call>(loop);
        call->done = std::move(done);
        for (const PeerView& peer : hub.view()) {
            const bool may_ask = calls.size() < kMostOpen && hub.send(peer.node.name, message);
            if (may_ask) ++call->waiting;
            call->outcomes.push_back({peer.node.name, 0,
                                      may_ask                ? "no answer in time"
                                      : peer.trouble.empty() ? "not connected"
                                                             : peer.trouble});
        }
        if (call->waiting == 0) return call->done(std::move(call->outcomes));
        call->deadline.expires_after(kNodesAnswerWithin);
        call->deadline.async_wait(
            [self = shared_from_this(), id = last_id](const boost::system::error_code& error) {
                if (!error && !self->closed) self->end(id);
            });
        calls.emplace(last_id, std::move(call));
    }

    runtime::EventLoop& loop;
    PeerHub& hub;
    std::filesystem::path run_dir;
    std::uint32_t last_id = 0;
    std::map<std::uint32_t, std::unique_ptr<Call>> calls;
    bool closed = false;
};

PeerRelay::PeerRelay(runtime::EventLoop& loop, PeerHub& hub, std::filesystem::path run_dir,
                     std::function<void(const std::string& node)> on_connected)
    : impl_(std::make_shared<Impl>(loop, hub, std::move(run_dir))) {
    hub.set_relay(
        {std::move(on_connected),
         [weak = std::weak_ptr<Impl>(impl_)](const std::string& node, const PeerMessage& message) {
             if (const auto self = weak.lock()) self->received(node, message);
         }});
}

PeerRelay::~PeerRelay() {
    impl_->closed = true;
    impl_->hub.set_relay({});
    impl_->calls.clear();
}

void PeerRelay::tell_all(const std::string& topic, std::string body,
                         std::function<void(std::vector<RelayOutcome>)> done) {
    impl_->tell_all(topic, std::move(body), std::move(done));
}

}  // namespace hearth::lb
