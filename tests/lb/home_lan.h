#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "lb/core/arp_codec.h"
#include "lb/core/reconciler.h"

namespace hearth::lb::test {

// A LAN in memory: nodes run real reconcilers and exchange real frames, which take 200 us.
// Time moves from event to event. Nodes can be suspended, cut off or lose adverts.
class HomeLan {
public:
    static constexpr Duration kLatency = 200us;
    static const IpAddress& vip() {
        static const IpAddress address = IpAddress::v4(10, 0, 0, 53);
        return address;
    }
    static IpAddress address_of(std::size_t node) {
        return IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(11 + node));
    }
    static MacAddress mac_of(std::size_t node) {
        return MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(11 + node)}};
    }

    struct Node {
        Reconciler reconciler;
        bool running = true;    // false: SIGSTOP, or dead; frames queue
        bool connected = true;  // false: cable cut
        std::deque<std::function<void(TimePoint)>> queued;
        std::vector<TransitionReport> transitions;
        std::vector<ConflictReport> conflicts;
    };

    // Every node is a candidate, in this order of preference, and healthy.
    explicit HomeLan(std::size_t count, Duration interval = 100ms, Duration preempt_delay = 10s)
        : interval_(interval), preempt_delay_(preempt_delay) {
        for (std::size_t i = 0; i < count; ++i) nodes_.push_back(std::make_unique<Node>());
        for (std::size_t i = 0; i < count; ++i) {
            auto& r = nodes_[i]->reconciler;
            r.set_health(Daemon::kDns, Health::kGood, now_);
            r.configure({settings(i)}, now_);
        }
    }

    [[nodiscard]] VirtualRouter settings(std::size_t self) const {
        VirtualRouter router;
        router.vrid = 53;
        router.vips = {{"dns", vip()}};
        router.priority = priority_of_rank(self, nodes_.size());
        router.interval = interval_;
        router.preempt_delay = preempt_delay_;
        router.watched = {Daemon::kDns};
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (i != self) router.nodes.push_back(address_of(i));
        return router;
    }

    void plug(std::size_t i) {
        nodes_[i]->connected = true;
        change(i, [&](Reconciler& r) {
            r.set_lan({address_of(i), mac_of(i), LanState::Link::kUp}, now_);
        });
    }
    void plug_all() {
        for (std::size_t i = 0; i < nodes_.size(); ++i) plug(i);
    }
    // Carrier loss: the node notices.
    void unplug(std::size_t i) {
        nodes_[i]->connected = false;
        change(i, [&](Reconciler& r) {
            r.set_lan({address_of(i), mac_of(i), LanState::Link::kDown}, now_);
        });
    }
    // A cut behind the switch: nobody notices.
    void isolate(std::size_t i) { nodes_[i]->connected = false; }
    void join(std::size_t i) { nodes_[i]->connected = true; }
    void suspend(std::size_t i) { nodes_[i]->running = false; }
    void resume(std::size_t i) {
        nodes_[i]->running = true;
        auto queued = std::exchange(nodes_[i]->queued, {});
        for (auto& frame : queued) frame(now_);
        collect(i);
    }
    void crash(std::size_t i) {
        nodes_[i]->running = false;
        nodes_[i]->connected = false;
    }
    void restart(std::size_t i) {
        nodes_[i] = std::make_unique<Node>();
        auto& r = nodes_[i]->reconciler;
        r.set_health(Daemon::kDns, Health::kGood, now_);
        r.configure({settings(i)}, now_);
        plug(i);
    }
    void set_health(std::size_t i, Health health) {
        change(i, [&](Reconciler& r) { r.set_health(Daemon::kDns, health, now_); });
    }
    template <class Change>
    void change(std::size_t i, Change&& what) {
        what(nodes_[i]->reconciler);
        collect(i);
    }

    void run_for(Duration duration) { run_until(now_ + duration); }
    void run_until(TimePoint end) {
        while (true) {
            const TimePoint next = next_event();
            if (next > end) break;
            now_ = std::max(now_, next);
            deliver();
            for (std::size_t i = 0; i < nodes_.size(); ++i) {
                if (!nodes_[i]->running || nodes_[i]->reconciler.next_deadline() > now_) continue;
                nodes_[i]->reconciler.on_timer(now_);
                collect(i);
            }
        }
        now_ = end;
    }
    // Time until `done`, or `limit`.
    template <class Done>
    Duration time_until(Done&& done, Duration limit) {
        const TimePoint start = now_;
        while (!done() && now_ - start < limit) run_for(100us);
        return now_ - start;
    }

    // Those that would answer ARP for the VIP now.
    [[nodiscard]] std::vector<std::size_t> owners() const {
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const auto view = nodes_[i]->reconciler.view(now_);
            if (!view.empty() && view[0].master == address_of(i)) found.push_back(i);
        }
        return found;
    }
    [[nodiscard]] bool owned_by(std::size_t i) const {
        return owners() == std::vector<std::size_t>{i};
    }
    [[nodiscard]] ElectionState state(std::size_t i) const {
        const auto view = nodes_[i]->reconciler.view(now_);
        return view.empty() ? ElectionState::kInit : view[0].state;
    }

    Node& node(std::size_t i) { return *nodes_[i]; }
    [[nodiscard]] TimePoint now() const { return now_; }
    // What a client's ARP cache holds for the VIP: the last gratuitous frame's or answer's sender.
    [[nodiscard]] MacAddress client_view() const { return client_view_; }
    void lose(std::function<bool(const Frame&)> lost) { lost_ = std::move(lost); }
    std::uint64_t gratuitous_seen = 0;

    // A machine that is not ours sends `packet` to everyone.
    void inject_arp(const ArpPacket& packet) {
        const Frame frame = arp_frame(kBroadcastMac, packet);
        for (auto& node : nodes_)
            node->reconciler.on_arp(frame.payload, Delivery::kBroadcast, now_);
        for (std::size_t i = 0; i < nodes_.size(); ++i) collect(i);
    }

private:
    struct Flight {
        std::size_t from;
        Frame frame;
    };

    [[nodiscard]] TimePoint next_event() const {
        TimePoint next = in_flight_.empty() ? kNever : in_flight_.begin()->first;
        for (const auto& node : nodes_)
            if (node->running) next = std::min(next, node->reconciler.next_deadline());
        return next;
    }

    void collect(std::size_t i) {
        Output output = nodes_[i]->reconciler.take_output();
        for (auto& t : output.transitions) nodes_[i]->transitions.push_back(std::move(t));
        for (auto& c : output.conflicts) nodes_[i]->conflicts.push_back(std::move(c));
        if (!nodes_[i]->connected) return;
        for (auto& frame : output.frames) {
            if (lost_ && lost_(frame)) continue;
            in_flight_.emplace(now_ + kLatency, Flight{i, std::move(frame)});
        }
    }

    void deliver() {
        while (!in_flight_.empty() && in_flight_.begin()->first <= now_) {
            const Flight flight = std::move(in_flight_.begin()->second);
            in_flight_.erase(in_flight_.begin());
            observe(flight.frame);
            for (std::size_t i = 0; i < nodes_.size(); ++i) {
                if (i != flight.from && nodes_[flight.from]->connected && nodes_[i]->connected)
                    hand_over(i, flight);
            }
        }
    }

    void hand_over(std::size_t i, const Flight& flight) {
        const auto& frame = flight.frame;
        if (frame.destination != mac_of(i) && !frame.destination.is_group()) return;
        const auto delivery =
            frame.destination == mac_of(i) ? Delivery::kToUs : Delivery::kBroadcast;
        Reconciler* reconciler = &nodes_[i]->reconciler;
        auto handle = [reconciler, frame, delivery, from = mac_of(flight.from)](TimePoint now) {
            if (frame.type == EtherType::kArp)
                reconciler->on_arp(frame.payload, delivery, now);
            else
                reconciler->on_vrrp(frame.payload, from, now);
        };
        if (!nodes_[i]->running) {
            nodes_[i]->queued.push_back(std::move(handle));
            return;
        }
        handle(now_);
        answer_for_host(i, frame);
        collect(i);
    }

    // The host's own kernel answers ARP for its node address.
    void answer_for_host(std::size_t i, const Frame& frame) {
        const auto packet = frame.type == EtherType::kArp ? parse_arp(frame.payload)
                                                          : tl::unexpected(Drop::kBadArp);
        if (!packet || packet->operation != ArpOperation::kRequest ||
            packet->target_ip != address_of(i))
            return;
        in_flight_.emplace(now_ + kLatency, Flight{i, arp_answer(mac_of(i), *packet)});
    }

    void observe(const Frame& frame) {
        if (frame.type != EtherType::kArp) return;
        const auto packet = parse_arp(frame.payload);
        if (!packet || packet->sender_ip != vip() || frame.destination != kBroadcastMac) return;
        client_view_ = packet->sender_mac;
        ++gratuitous_seen;
    }

    Duration interval_;
    Duration preempt_delay_;
    TimePoint now_{1h};
    std::vector<std::unique_ptr<Node>> nodes_;
    std::multimap<TimePoint, Flight> in_flight_;
    std::function<bool(const Frame&)> lost_;
    MacAddress client_view_;
};

}  // namespace hearth::lb::test
