#include "proxy/core/exchange.h"

#include <algorithm>
#include <utility>

#include "proxy/core/octets.h"
#include "proxy/core/trailers.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMaxRetries = 2;
constexpr int kMaxInterimHeads = 100;

bool is_event_stream(const HeaderTable& headers) noexcept {
    const HeaderField* type = headers.find(HeaderId::kContentType);
    if (type == nullptr) return false;
    const auto media_type = trimmed(type->value.substr(0, type->value.find(';')));
    return equals_ignoring_case(media_type, "text/event-stream");
}

}  // namespace

void Exchange::begin(const RequestHead& head, const Peer& peer,
                     const std::vector<IpPrefix>& trusted, std::size_t endpoints,
                     std::span<char> space, TimePoint now) {
    phase_ = Phase::kConnecting;
    verdict_ = Verdict::kGoOn;
    error_ = {};
    method_ = head.method;
    client_version_ = head.version;
    keep_alive_ = head.keep_alive;
    expects_continue_ = head.expects_continue;
    upgrade_asked_ = !head.upgrade.empty();
    has_body_ = head.body.kind != BodyKind::kNone;
    grpc_asked_ = client_version_ == Version::kHttp2 && is_grpc(head.headers);
    // A stream of HTTP/2 tells the end of its body by ending.
    const bool by_stream =
        client_version_ == Version::kHttp2 && head.body.kind == BodyKind::kChunked;
    request_.start(by_stream ? BodyFraming{BodyKind::kUntilClose, 0} : head.body, head.body.kind);
    to_upstream_.clear();
    body_waits_ = request_abandoned_ = false;
    retries_left_ = std::min(endpoints > 0 ? endpoints - 1 : 0, kMaxRetries);
    sent_any_ = received_any_ = fresh_only_ = false;
    connection_ = UpstreamConnection::kFresh;
    response_.start({}, BodyKind::kNone);
    to_client_.clear();
    head_to_client_ = {};
    status_ = interim_heads_ = 0;
    close_announced_ = upstream_keep_alive_ = endless_ = false;
    upstream_end_sent_ = client_end_sent_ = false;
    last_progress_ = now;
    editor_ = nullptr;
    body_limit_ = 0;

    const std::size_t size = write_request_head(head, peer, trusted, space);
    if (size == 0) return fail(HopReason::kRefusedRequest, Refusal::kHeadTooLarge);
    request_head_ = {space.data(), size};
    to_upstream_.add(request_head_);
}

void Exchange::try_again(TimePoint now) noexcept {
    verdict_ = Verdict::kGoOn;
    last_progress_ = now;
}

void Exchange::upstream_ready(UpstreamConnection connection, TimePoint now) noexcept {
    phase_ = Phase::kAwaitingHead;
    connection_ = connection;
    sent_any_ = received_any_ = false;
    parser_.reset();
    last_progress_ = now;
}

bool Exchange::wants_client_bytes() const noexcept {
    if (verdict_ != Verdict::kGoOn || request_.done() || body_waits_) return false;
    return !request_abandoned_;
}

bool Exchange::wants_upstream_bytes() const noexcept {
    if (verdict_ != Verdict::kGoOn || phase_ == Phase::kConnecting) return false;
    if (!to_client_.empty() || !head_to_client_.empty()) return false;
    return phase_ == Phase::kAwaitingHead || !response_.done();
}

std::size_t Exchange::client_bytes(std::span<char> bytes, TimePoint now) {
    if (!wants_client_bytes()) return 0;
    const std::size_t parts = to_upstream_.parts().size();
    const std::size_t used = request_.advance(bytes, to_upstream_);
    if (request_.refusal() != Refusal::kNone) {
        fail(HopReason::kRefusedRequest, request_.refusal());
        return used;
    }
    if (body_limit_ != 0 && request_.octets() > body_limit_ && phase_ != Phase::kTunnel) {
        fail(HopReason::kBodyTooLarge);
        return used;
    }
    body_waits_ = to_upstream_.parts().size() > parts;
    if (used > 0) last_progress_ = now;
    return used;
}

std::size_t Exchange::upstream_bytes(std::span<char> bytes, std::span<char> space, TimePoint now) {
    std::size_t used = 0;
    received_any_ |= !bytes.empty();
    last_progress_ = now;
    if (phase_ == Phase::kAwaitingHead && !take_response_head(bytes, space, used)) return used;
    used += response_.advance(bytes.subspan(used), to_client_);
    if (response_.refusal() != Refusal::kNone) fail(HopReason::kBadResponse, response_.refusal());
    settle();
    return used;
}

// True when the body of a final response (or a tunnel) may follow.
bool Exchange::take_response_head(std::span<char> bytes, std::span<char> space, std::size_t& used) {
    while (to_client_.empty() && head_to_client_.empty()) {
        const auto rest = bytes.subspan(used);
        const ParseStatus parsed = parser_.parse({rest.data(), rest.size()}, method_);
        if (parsed == ParseStatus::kNeedMore) return false;
        if (parsed == ParseStatus::kRefused) {
            fail(HopReason::kBadResponse, parser_.refusal());
            return false;
        }
        used += parser_.consumed();
        const int status = parser_.head().status;
        if (status == 101) {
            open_tunnel(space);
        } else if (status >= 200) {
            relay_final(space);
        } else {
            relay_interim(space);
            if (verdict_ != Verdict::kGoOn) return false;
            parser_.reset();
            continue;
        }
        return verdict_ == Verdict::kGoOn;
    }
    return false;  // an interim response leaves first
}

bool Exchange::write_head(BodyKind body, ClientConnection connection, std::span<char> space) {
    const std::size_t size =
        write_response_head(parser_.head(), body, client_version_, connection, space);
    if (size == 0) {
        fail(HopReason::kBadResponse, Refusal::kHeadTooLarge);
        return false;
    }
    if (client_version_ == Version::kHttp2) {
        head_to_client_ = space.first(size);
    } else {
        to_client_.add({space.data(), size});
    }
    return true;
}

std::span<char> Exchange::take_head_to_client() noexcept {
    const std::span<char> head = std::exchange(head_to_client_, {});
    settle();
    return head;
}

void Exchange::relay_interim(std::span<char> space) {
    if (++interim_heads_ > kMaxInterimHeads)
        return fail(HopReason::kBadResponse, Refusal::kTooManyInterim);
    if (client_version_ == Version::kHttp10) return;
    if (parser_.head().status == 100 && !expects_continue_) return;
    (void)write_head(BodyKind::kNone, ClientConnection::kKeepAlive, space);
}

void Exchange::relay_final(std::span<char> space) {
    if (editor_ != nullptr) editor_->edit(parser_.edit_head());
    BodyCoder* const coder = editor_ != nullptr ? editor_->coder() : nullptr;
    const ResponseHead& head = parser_.head();
    BodyKind out = head.body.kind;
    if (coder != nullptr || out == BodyKind::kChunked || out == BodyKind::kUntilClose) {
        out = client_version_ == Version::kHttp11 ? BodyKind::kChunked : BodyKind::kUntilClose;
    }
    if (client_version_ == Version::kHttp2 && upgrade_asked_ && head.status < 300) {
        return fail(HopReason::kBadResponse, Refusal::kNoUpgrade);  // 200 would open the tunnel
    }
    // An answer before the end of the request: what is left of it would be taken for the next one.
    close_announced_ = !keep_alive_ || !request_.done() || out == BodyKind::kUntilClose;
    if (!write_head(out, close_announced_ ? ClientConnection::kClose : ClientConnection::kKeepAlive,
                    space)) {
        return;
    }
    status_ = head.status;
    upstream_keep_alive_ = head.keep_alive;
    const bool is_call = grpc_asked_ && is_grpc(head.headers);
    endless_ = is_call || is_event_stream(head.headers);
    response_.start(head.body, out, coder);
    if (is_call) response_.set_trailer_rule(TrailerRule::kMetadata);
    phase_ = Phase::kRelaying;
}

void Exchange::open_tunnel(std::span<char> space) {
    if (!upgrade_asked_) return fail(HopReason::kBadResponse, Refusal::kUnaskedUpgrade);
    if (!write_head(BodyKind::kTunnel, ClientConnection::kUpgrade, space)) return;
    status_ = 101;
    close_announced_ = true;
    request_.start({BodyKind::kTunnel, 0}, BodyKind::kTunnel);
    response_.start({BodyKind::kTunnel, 0}, BodyKind::kTunnel);
    phase_ = Phase::kTunnel;
}

void Exchange::wrote_to_upstream(std::size_t octets, TimePoint now) noexcept {
    sent_any_ |= octets > 0;
    last_progress_ = now;
    to_upstream_.advance(octets);
    if (!to_upstream_.empty()) return;
    body_waits_ = false;
    settle();
}

void Exchange::wrote_to_client(std::size_t octets, TimePoint now) noexcept {
    last_progress_ = now;
    to_client_.advance(octets);
    settle();
}

// The response is complete and has left; the request may not be, which ends it all the same.
void Exchange::settle() noexcept {
    if (verdict_ != Verdict::kGoOn || phase_ < Phase::kRelaying) return;
    if (!response_.done() || !to_client_.empty() || !head_to_client_.empty()) return;
    if (phase_ == Phase::kTunnel && (!request_.done() || !to_upstream_.empty())) return;
    verdict_ = Verdict::kFinished;
}

void Exchange::client_closed(TimePoint now, std::string_view trailers) {
    if (verdict_ != Verdict::kGoOn || request_.done()) return;
    last_progress_ = now;
    // A client that ends its side after a whole request still gets its answer.
    if (!request_.end_of_input(to_upstream_, trailers)) return fail(HopReason::kClientGone);
    settle();
}

void Exchange::client_failed() {
    if (verdict_ == Verdict::kGoOn) fail(HopReason::kClientGone);
}

void Exchange::upstream_closed(TimePoint now) {
    if (verdict_ != Verdict::kGoOn) return;
    if (phase_ <= Phase::kAwaitingHead) return upstream_failed(HopReason::kClosedEarly);
    upstream_keep_alive_ = false;
    last_progress_ = now;
    if (!response_.end_of_input(to_client_)) return fail(HopReason::kTruncated);
    settle();
}

void Exchange::upstream_failed(HopReason reason) {
    if (verdict_ != Verdict::kGoOn) return;
    if (phase_ >= Phase::kRelaying) {
        upstream_keep_alive_ = false;
        if (phase_ == Phase::kTunnel || !response_.done()) fail(reason);
        return;
    }
    if (received_any_) return fail(reason);
    // A kept connection may have been closed while our request was under way: then the
    // upstream has not acted on it, as far as repeating an idempotent request can tell.
    const bool stale = connection_ == UpstreamConnection::kReused && phase_ != Phase::kConnecting;
    if (sent_any_ && !(stale && is_idempotent(method_) && !has_body_)) return fail(reason);
    if (!stale) {
        if (retries_left_ == 0) return fail(reason);
        --retries_left_;
    }
    fresh_only_ |= stale;
    if (sent_any_) {
        to_upstream_.clear();
        to_upstream_.add(request_head_);
    }
    phase_ = Phase::kConnecting;
    error_ = {reason, Refusal::kNone};
    verdict_ = Verdict::kRetry;
}

void Exchange::upstream_write_failed() {
    if (verdict_ != Verdict::kGoOn) return;
    if (phase_ <= Phase::kAwaitingHead && !sent_any_) return upstream_failed(HopReason::kReset);
    request_abandoned_ = true;
    upstream_keep_alive_ = false;
    to_upstream_.clear();
    if (phase_ == Phase::kTunnel) fail(HopReason::kReset);
}

TimePoint Exchange::deadline() const noexcept {
    if (verdict_ != Verdict::kGoOn) return kNever;
    switch (phase_) {
        case Phase::kConnecting: return last_progress_ + timeouts_.connect;
        case Phase::kAwaitingHead: {
            // Both sides of a call may wait for the other to speak first.
            const bool sent = (request_.done() || grpc_asked_) && to_upstream_.empty();
            return last_progress_ + (sent ? timeouts_.response_head : timeouts_.body_idle);
        }
        case Phase::kRelaying:
            if (endless_ && to_client_.empty()) return kNever;
            return last_progress_ + timeouts_.body_idle;
        case Phase::kTunnel: {
            const bool half_closed = request_.done() || response_.done();
            const bool stuck = !to_client_.empty() || !to_upstream_.empty();
            return half_closed || stuck ? last_progress_ + timeouts_.body_idle : kNever;
        }
    }
    return kNever;
}

void Exchange::on_deadline(TimePoint now, HopReason awaited) {
    if (now < deadline()) return;
    switch (phase_) {
        case Phase::kConnecting: return upstream_failed(awaited);
        case Phase::kAwaitingHead: {
            const bool client_slow = !request_.done() && !grpc_asked_ && to_upstream_.empty();
            return fail(client_slow ? HopReason::kRequestTimeout : HopReason::kResponseTimeout);
        }
        case Phase::kRelaying:
        case Phase::kTunnel:
            return fail(to_client_.empty() ? HopReason::kTruncated : HopReason::kClientGone);
    }
}

void Exchange::fail(HopReason reason, Refusal refusal) noexcept {
    verdict_ = Verdict::kFailed;
    error_ = {reason, refusal};
}

bool Exchange::take_upstream_end() noexcept {
    if (phase_ != Phase::kTunnel || !request_.done() || !to_upstream_.empty()) return false;
    return !std::exchange(upstream_end_sent_, true);
}

bool Exchange::take_client_end() noexcept {
    if (phase_ != Phase::kTunnel || !response_.done() || !to_client_.empty()) return false;
    return !std::exchange(client_end_sent_, true);
}

Exchange::Sent Exchange::sent() const noexcept {
    if (phase_ == Phase::kConnecting || (!sent_any_ && !received_any_)) return Sent::kNothing;
    if (received_any_) return Sent::kAnswered;
    const bool is_all = request_.done() && to_upstream_.empty() && !request_abandoned_;
    return is_all ? Sent::kAll : Sent::kPart;
}

bool Exchange::client_reusable() const noexcept {
    return verdict_ == Verdict::kFinished && keep_alive_ && !close_announced_ && request_.done();
}

bool Exchange::upstream_reusable() const noexcept {
    return verdict_ == Verdict::kFinished && upstream_keep_alive_ && request_.done() &&
           to_upstream_.empty() && !request_abandoned_;
}

}  // namespace hearth::proxy
