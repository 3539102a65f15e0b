#include "dns/core/forward_plan.h"

#include <algorithm>
#include <array>

// What comes back from upstreams, and whether it is an answer.
namespace hearth::dns {

void ForwardPlan::on_datagram(UpstreamIndex upstream, unsigned slot, ByteView packet,
                              TimePoint now) {
    if (packet.size() < kHeaderSize) return drop(NoAnswer::kMalformed);
    if (packet.size() > kEdnsUdpSize) return drop(NoAnswer::kOversize);
    const auto found = by_wire_.find(wire_key(upstream, slot, load_be16(packet.data())));
    if (found == by_wire_.end()) return drop(NoAnswer::kUnexpected);
    const auto answer = parse_answer(packet);
    if (!answer) return drop(NoAnswer::kMalformed);
    if (found->second == kStrayToken) {
        upstreams_.on_answer(upstream, now - strays_.at(found->first).sent_at, now);
        return end_stray(found->first);
    }
    Exchange& exchange = exchanges_.at(found->second);
    const auto attempt =
        std::find_if(exchange.attempts.begin(), exchange.attempts.end(), [&](const Attempt& a) {
            return !a.settled && a.via == Via::kUdp && a.upstream == upstream && a.slot == slot &&
                   a.id == answer->id;
        });
    if (attempt == exchange.attempts.end()) return drop(NoAnswer::kUnexpected);
    if (answer->qname != exchange.question.qname || answer->qtype != exchange.question.qtype ||
        answer->qclass != RrClass::kIn)
        return drop(NoAnswer::kQuestion);
    if (!accept_letters(exchange, *attempt, *answer, now)) return drop(NoAnswer::kLetters);
    if (!accept_cookie(exchange, *attempt, *answer, now)) return drop(NoAnswer::kCookie);
    take_answer(exchange, *attempt, packet, *answer, now);
}

// Of several servers behind one address some may know no cookies: what lacks one is asked for over
// TCP, and only a second one in a row is believed.
bool ForwardPlan::accept_cookie(Exchange& exchange, Attempt& attempt, const AnswerView& answer,
                                TimePoint now) {
    if (!attempt.has_cookie) return true;
    UpstreamCookie& cookie = upstreams_.cookie(attempt.upstream);
    const auto option =
        answer.has_edns ? answer.edns.find(EdnsOption::kCookie) : std::optional<ByteView>{};
    switch (cookie.judge(option)) {
        case UpstreamCookie::Judgement::kGood: return true;
        case UpstreamCookie::Judgement::kForged: return false;
        case UpstreamCookie::Judgement::kMissing: break;
    }
    cookie.forget();
    const UpstreamIndex upstream = attempt.upstream;
    by_wire_.erase(wire_key(upstream, attempt.slot, attempt.id));
    attempt.settled = true;
    send(exchange, upstream, Via::kStream, now);
    exchange.give_up_at = std::max(exchange.give_up_at, now + limits_.tcp_patience);
    set_deadline(exchange);
    return false;
}

// An answer in other letters may be forged, or its sender may write names as it likes. As long as
// an upstream has not repeated any, it is asked once more, in plain letters, on another port.
bool ForwardPlan::accept_letters(Exchange& exchange, const Attempt& attempt,
                                 const AnswerView& answer, TimePoint now) {
    if (attempt.letters == 0) return true;
    const ByteView plain = exchange.question.qname.wire();
    std::array<std::uint8_t, Name::kMaxWire> mixed;
    const ByteSpan name = ByteSpan(mixed).first(plain.size());
    std::copy(plain.begin(), plain.end(), name.begin());
    mix_letters(name, attempt.letters);
    const UpstreamIndex upstream = attempt.upstream;
    if (as_text(answer.question).starts_with(as_text(name))) {
        if (as_text(name) != as_text(plain)) upstreams_.keeps_letters(upstream);
        return true;
    }
    if (upstreams_[upstream].letters != LetterCase::kKept &&
        exchange.attempts.size() < limits_.tries) {
        upstreams_.loses_letters(upstream);
        send(exchange, upstream, Via::kUdp, now);
        set_deadline(exchange);
    }
    return false;
}

void ForwardPlan::on_stream_answer(std::uint64_t token, UpstreamIndex upstream, ByteView packet,
                                   TimePoint now) {
    const auto found = exchanges_.find(token);
    if (found == exchanges_.end()) return;
    Exchange& exchange = found->second;
    const auto answer = parse_answer(packet);
    const auto attempt =
        std::find_if(exchange.attempts.begin(), exchange.attempts.end(), [&](const Attempt& a) {
            return !a.settled && a.via == Via::kStream && a.upstream == upstream && answer &&
                   a.id == answer->id;
        });
    if (!answer || attempt == exchange.attempts.end() || answer->truncated() ||
        answer->qname != exchange.question.qname || answer->qtype != exchange.question.qtype) {
        drop(!answer || answer->truncated()       ? NoAnswer::kMalformed
             : attempt == exchange.attempts.end() ? NoAnswer::kUnexpected
                                                  : NoAnswer::kQuestion);
        return on_stream_failure(token, upstream, now);
    }
    take_answer(exchange, *attempt, packet, *answer, now);
}

void ForwardPlan::on_stream_failure(std::uint64_t token, UpstreamIndex upstream, TimePoint now) {
    const auto found = exchanges_.find(token);
    if (found == exchanges_.end()) return;
    bool was_waiting = false;
    for (Attempt& attempt : found->second.attempts) {
        if (attempt.via != Via::kStream || attempt.upstream != upstream || attempt.settled)
            continue;
        attempt.settled = true;
        was_waiting = !attempt.timed_out;
    }
    if (was_waiting && own_via(upstream) == Via::kStream) upstreams_.on_timeout(upstream, now);
    after_failure(found->second, now);
}

void ForwardPlan::take_answer(Exchange& exchange, Attempt& attempt, ByteView packet,
                              const AnswerView& answer, TimePoint now) {
    const UpstreamIndex upstream = attempt.upstream;
    attempt.settled = true;
    if (attempt.via == Via::kUdp) by_wire_.erase(wire_key(upstream, attempt.slot, attempt.id));
    if (attempt.via == own_via(upstream))
        upstreams_.on_answer(upstream, now - attempt.sent_at, now);
    if (answer.truncated()) {
        send(exchange, upstream, Via::kStream, now);
        exchange.give_up_at = std::max(exchange.give_up_at, now + limits_.tcp_patience);
        return set_deadline(exchange);
    }
    if (answer.rcode == Rcode::kNoError || answer.rcode == Rcode::kNxDomain)
        return finish(exchange, {ForwardResult::kAnswered, packet, &answer, attempt.upstream});
    if (ask_otherwise(exchange, attempt, answer, now)) return;
    exchange.upstream_failed = true;
    after_failure(exchange, now);
}

// The same server once more, when it was the way we asked that it did not like.
bool ForwardPlan::ask_otherwise(Exchange& exchange, const Attempt& attempt,
                                const AnswerView& answer, TimePoint now) {
    const UpstreamIndex upstream = attempt.upstream;
    const bool is_odd = answer.rcode == Rcode::kFormErr || answer.rcode == Rcode::kNotImp;
    Via via = own_via(upstream);
    if (answer.rcode == Rcode::kBadCookie && attempt.has_cookie) {
        // Its new one is kept by now; who does not know that either gets no other (RFC 7873 §5.3).
        if (++exchange.bad_cookies > 1) via = Via::kStream;
    } else if (is_odd && !answer.has_edns && upstreams_[upstream].speaks_edns) {
        upstreams_.speaks_no_edns(upstream);  // older than EDNS (RFC 6891 §7)
    } else if (is_odd && attempt.has_cookie && upstreams_[upstream].takes_cookies) {
        upstreams_.takes_no_cookies(upstream);
    } else {
        return false;
    }
    send(exchange, upstream, via, now);
    set_deadline(exchange);
    return true;
}

// What the resolver of this process found: checked, unless the client did not want that.
void ForwardPlan::on_resolved(std::uint64_t token, UpstreamIndex upstream,
                              const Resolution& resolution, TimePoint now) {
    const auto found = exchanges_.find(token);
    if (found == exchanges_.end()) return;
    Exchange& exchange = found->second;
    const auto attempt =
        std::find_if(exchange.attempts.begin(), exchange.attempts.end(),
                     [&](const Attempt& a) { return !a.settled && a.upstream == upstream; });
    if (attempt == exchange.attempts.end()) return;
    const bool is_checked = !exchange.question.checking_disabled;
    if (is_checked) note_security(resolution.security);
    if (is_checked && resolution.security == Security::kBogus) {
        attempt->settled = true;
        ForwardOutcome outcome;
        outcome.result = ForwardResult::kBogus;
        outcome.upstream = upstream;
        outcome.why = resolution.why;
        return finish(exchange, outcome);
    }
    ByteView packet = resolution.packet;
    auto answer = parse_answer(packet);
    if (answer && !exchange.question.dnssec_ok && holds_proofs(packet, *answer) &&
        mapper_.strip(image_of(packet, *answer), exchange.question.qname)) {
        packet = mapper_.image().bytes;
        answer = parse_answer(packet);
    }
    if (!answer || answer->truncated() || answer->qname != exchange.question.qname ||
        answer->qtype != exchange.question.qtype) {
        exchange.upstream_failed = true;
        return on_stream_failure(token, upstream, now);
    }
    answer->is_secure = is_checked && resolution.security == Security::kSecure;
    take_answer(exchange, *attempt, packet, *answer, now);
}

void ForwardPlan::note_security(Security security) noexcept {
    switch (security) {
        case Security::kUnchecked: break;
        case Security::kSecure: ++counters_.secure; break;
        case Security::kInsecure: ++counters_.insecure; break;
        case Security::kBogus: ++counters_.bogus; break;
    }
}

}  // namespace hearth::dns
