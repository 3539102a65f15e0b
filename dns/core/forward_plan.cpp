#include "dns/core/forward_plan.h"

#include <algorithm>

namespace hearth::dns {
Waiter::Waiter(const ReplyPath& reply_path, const AskedQuestion& question_asked, const Name& name,
               TimePoint now, GroupIndex clients)
    : path(reply_path), asked_at(now), qname(name), asked(question_asked), group(clients) {
    question_size = static_cast<std::uint16_t>(std::min(asked.question.size(), question.size()));
    std::copy_n(asked.question.begin(), question_size, question.begin());
    asked.question = {};
    asked.qname = nullptr;
    asked.options.nsid = {};
}

AskedQuestion Waiter::view() const noexcept {
    AskedQuestion whole = asked;
    whole.question = {question.data(), question_size};
    whole.qname = &qname;
    return whole;
}

ForwardPlan::ForwardPlan(const Limits& limits, ForwardActions& actions, RandomSource& random,
                         LoopGuard& loops)
    : limits_(limits), actions_(actions), random_(random), loops_(loops) {}

std::string ForwardPlan::key_of(const ForwardQuestion& q) {
    std::string key(as_text(q.qname.wire()));
    const auto type = static_cast<unsigned>(q.qtype);
    key += {static_cast<char>(type >> 8), static_cast<char>(type), static_cast<char>(q.group >> 8),
            static_cast<char>(q.group),
            static_cast<char>((q.dnssec_ok ? 1 : 0) | (q.checking_disabled ? 2 : 0))};
    return key;
}

std::uint64_t ForwardPlan::wire_key(UpstreamIndex upstream, unsigned slot,
                                    std::uint16_t id) noexcept {
    return static_cast<std::uint64_t>(upstream) << 32 | static_cast<std::uint64_t>(slot) << 16 | id;
}

// However greedy one client is, half of the memory stays free; two leave a third, and so on. Nobody
// is held to a share while there is room.
bool ForwardPlan::admit(const Waiter& waiter) {
    const std::size_t most = std::max<std::size_t>(limits_.memory / kWaiterCost, 1);
    if (waiter.errand == 0) {
        std::size_t& theirs = waiting_by_client_[waiter.path.client.address];
        if (waiting_ + theirs >= most) {
            ++counters_.limited;
            if (theirs == 0) waiting_by_client_.erase(waiter.path.client.address);
            return false;
        }
        ++theirs;
    }
    ++waiting_;
    return true;
}

void ForwardPlan::dismiss(const Waiter& waiter) {
    --waiting_;
    if (waiter.errand != 0) return;
    const auto theirs = waiting_by_client_.find(waiter.path.client.address);
    if (--theirs->second == 0) waiting_by_client_.erase(theirs);
}

ForwardPlan::Ask ForwardPlan::ask(const ForwardQuestion& question,
                                  std::span<const UpstreamServer> servers,
                                  UpstreamStrategy strategy, const Waiter& waiter, TimePoint now) {
    if (!admit(waiter)) return Ask::kLimited;
    std::string key = key_of(question);
    const auto found = by_question_.find(key);
    if (found != by_question_.end()) {
        Exchange& open = exchanges_.at(found->second);
        open.waiters.push_back(waiter);
        if (waiter.patient_until < open.deadline) set_deadline(open);
        ++counters_.joined;
        return Ask::kJoined;
    }
    const std::uint64_t token = next_token_++;
    Exchange& exchange = exchanges_[token];
    exchange.token = token;
    exchange.question = question;
    exchange.strategy = strategy;
    exchange.give_up_at = now + limits_.give_up;
    exchange.deadline = kNever;
    exchange.waiters.push_back(waiter);
    for (const UpstreamServer& server : servers) {
        if (loops_.is_looping(server.endpoint.address, now)) {
            exchange.loops = true;
        } else {
            exchange.candidates.push_back(upstreams_.index_of(server));
        }
    }
    by_question_.emplace(std::move(key), token);
    try_next(exchange, now);
    return Ask::kStarted;
}

void ForwardPlan::try_next(Exchange& exchange, TimePoint now) {
    UpstreamTable::Choice choice;
    if (exchange.attempts.size() < limits_.tries)
        choice =
            upstreams_.choose(exchange.candidates, exchange.tried, exchange.strategy, now, random_);
    const bool first = exchange.attempts.empty();
    if (choice.probe) send(exchange, *choice.probe, own_via(*choice.probe), now);
    if (choice.use) send(exchange, *choice.use, own_via(*choice.use), now);
    if (first && choice.use && exchange.strategy == UpstreamStrategy::kParallel &&
        exchange.candidates.size() > exchange.tried.size()) {
        const auto second =
            upstreams_.choose(exchange.candidates, exchange.tried, exchange.strategy, now, random_);
        if (second.use) send(exchange, *second.use, own_via(*second.use), now);
    }
    if (!any_open(exchange)) return fail(exchange, now);
    set_deadline(exchange);
}

ForwardPlan::Via ForwardPlan::own_via(UpstreamIndex index) const noexcept {
    return upstreams_[index].server.protocol == UpstreamProtocol::kUdp ? Via::kUdp : Via::kStream;
}

bool ForwardPlan::any_open(const Exchange& exchange) const noexcept {
    return std::any_of(exchange.attempts.begin(), exchange.attempts.end(),
                       [](const Attempt& a) { return !a.settled; });
}

std::uint16_t ForwardPlan::free_id(UpstreamIndex upstream, unsigned slot) {
    while (true) {
        const auto id = static_cast<std::uint16_t>(random_.next());
        if (!by_wire_.contains(wire_key(upstream, slot, id))) return id;
    }
}

void ForwardPlan::send(Exchange& exchange, UpstreamIndex index, Via via, TimePoint now) {
    const Upstream& upstream = upstreams_[index];
    Attempt attempt;
    attempt.upstream = index;
    attempt.via = via;
    attempt.slot = static_cast<std::uint16_t>(random_.next() % kSlots);
    attempt.id = free_id(index, attempt.slot);
    if (limits_.mix_letters && via == Via::kUdp && upstream.letters != LetterCase::kLost)
        attempt.letters = random_.next();
    attempt.sent_at = now;
    const bool overflowed = via == Via::kStream && own_via(index) == Via::kUdp;
    attempt.deadline = now + (overflowed ? limits_.tcp_patience : upstreams_.patience(index));
    if (is_resolver(upstream.server.protocol)) {
        exchange.tried.push_back(index);
        exchange.attempts.push_back(attempt);
        upstreams_.on_sent(index);
        return actions_.resolve(exchange.token, index, upstream.server, exchange.question);
    }

    LoopGuard::Tag tag;
    UpstreamQuestion question{attempt.id,
                              exchange.question.qname,
                              exchange.question.qtype,
                              exchange.question.checking_disabled,
                              exchange.question.dnssec_ok,
                              static_cast<std::uint16_t>(upstream.speaks_edns ? kEdnsUdpSize : 0),
                              {},
                              attempt.letters};
    if (LoopGuard::wants_tag(upstream.server.endpoint.address)) {
        tag = loops_.tag_for(upstream.server.endpoint.address);
        question.tag = tag;
    }
    question.client_subnet = upstream.server.client_subnet;
    std::array<std::uint8_t, 512> buffer;
    // One that never answered may not stand options it does not know.
    if (via == Via::kUdp && upstream.speaks_edns && upstream.takes_cookies &&
        (upstream.answered > 0 || upstream.timeouts_in_row == 0)) {
        UpstreamCookie& cookie = upstreams_.cookie(index);
        if (cookie.is_empty()) cookie.draw(random_.next());
        question.cookie = cookie.option();
        attempt.has_cookie = true;
    }
    const ByteView packet =
        ByteView(buffer).first(write_upstream_question(ByteSpan(buffer), question));
    if (exchange.waiters.front().path.client.address != upstream.server.endpoint.address)
        loops_.sent(exchange.question.qname, exchange.question.qtype,
                    upstream.server.endpoint.address);
    exchange.tried.push_back(index);
    exchange.attempts.push_back(attempt);
    upstreams_.on_sent(index);
    if (via == Via::kStream) {
        if (overflowed) ++counters_.over_tcp;
        return actions_.ask_stream(exchange.token, index, upstream.server, packet);
    }
    by_wire_.emplace(wire_key(index, attempt.slot, attempt.id), exchange.token);
    actions_.send_udp(index, upstream.server.endpoint, attempt.slot, packet);
}

void ForwardPlan::set_deadline(Exchange& exchange) {
    TimePoint next = exchange.give_up_at;
    for (const Attempt& attempt : exchange.attempts)
        if (!attempt.settled && !attempt.timed_out) next = std::min(next, attempt.deadline);
    for (const Waiter& waiter : exchange.waiters) next = std::min(next, waiter.patient_until);
    if (next == exchange.deadline) return;
    deadlines_.erase({exchange.deadline, exchange.token});
    exchange.deadline = next;
    deadlines_.insert({next, exchange.token});
}

TimePoint ForwardPlan::next_deadline() const noexcept {
    TimePoint next = deadlines_.empty() ? kNever : deadlines_.begin()->first;
    if (!stray_deadlines_.empty()) next = std::min(next, stray_deadlines_.begin()->first);
    return next;
}

// Frees an attempt's place on the wire, or hands it over to the strays.
void ForwardPlan::release(const Attempt& attempt) {
    if (attempt.via == Via::kStream || attempt.settled) return;
    const std::uint64_t key = wire_key(attempt.upstream, attempt.slot, attempt.id);
    if (attempt.timed_out) {
        by_wire_.erase(key);
        return;
    }
    by_wire_[key] = kStrayToken;
    strays_[key] = {attempt.upstream, attempt.sent_at, attempt.deadline};
    stray_deadlines_.insert({attempt.deadline, key});
}

void ForwardPlan::end_stray(std::uint64_t key) {
    const auto found = strays_.find(key);
    stray_deadlines_.erase({found->second.deadline, key});
    strays_.erase(found);
    by_wire_.erase(key);
}

void ForwardPlan::on_timer(TimePoint now) {
    while (!stray_deadlines_.empty() && stray_deadlines_.begin()->first <= now) {
        const std::uint64_t key = stray_deadlines_.begin()->second;
        upstreams_.on_timeout(strays_.at(key).upstream, now);
        end_stray(key);
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        Exchange& exchange = exchanges_.at(deadlines_.begin()->second);
        bool timed_out = false;
        for (Attempt& attempt : exchange.attempts) {
            if (attempt.settled || attempt.timed_out || attempt.deadline > now) continue;
            attempt.timed_out = true;
            upstreams_.on_timeout(attempt.upstream, now);
            timed_out = true;
        }
        tell_impatient(exchange, now);
        if (exchange.give_up_at <= now) {
            fail(exchange, now);
        } else if (timed_out) {
            try_next(exchange, now);
        } else {
            set_deadline(exchange);
        }
    }
}

void ForwardPlan::tell_impatient(Exchange& exchange, TimePoint now) {
    for (Waiter& waiter : exchange.waiters) {
        if (waiter.patient_until > now) continue;
        waiter.patient_until = kNever;
        waiter.is_answered = actions_.overdue(exchange.question, waiter);
    }
}

// Goes on with an upstream that was not asked yet; asking the same again would not help.
void ForwardPlan::after_failure(Exchange& exchange, TimePoint now) {
    const bool untried = std::any_of(
        exchange.candidates.begin(), exchange.candidates.end(), [&](UpstreamIndex index) {
            return std::find(exchange.tried.begin(), exchange.tried.end(), index) ==
                   exchange.tried.end();
        });
    if (untried) return try_next(exchange, now);
    if (!any_open(exchange)) return fail(exchange, now);
    set_deadline(exchange);
}

void ForwardPlan::fail(Exchange& exchange, TimePoint now) {
    ForwardOutcome outcome;
    const bool looped = std::any_of(
        exchange.candidates.begin(), exchange.candidates.end(), [&](UpstreamIndex index) {
            return loops_.is_looping(upstreams_[index].server.endpoint.address, now);
        });
    if (exchange.loops || looped) {
        outcome.result = ForwardResult::kLoop;
    } else if (exchange.upstream_failed) {
        outcome.result = ForwardResult::kServFail;
    }
    finish(exchange, outcome);
}

void ForwardPlan::finish(Exchange& exchange, const ForwardOutcome& outcome) {
    for (const Attempt& attempt : exchange.attempts) {
        release(attempt);
        const UpstreamServer& server = upstreams_[attempt.upstream].server;
        if (!is_resolver(server.protocol))
            loops_.done(exchange.question.qname, exchange.question.qtype, server.endpoint.address);
    }
    deadlines_.erase({exchange.deadline, exchange.token});
    by_question_.erase(key_of(exchange.question));
    for (const Waiter& waiter : exchange.waiters) dismiss(waiter);
    // Out of the tables before anyone hears of it: the answer may lead to a new question.
    const auto node = exchanges_.extract(exchange.token);
    const Exchange& done = node.mapped();
    actions_.finished(done.question, outcome, done.waiters);
}

}  // namespace hearth::dns
