#include "proxy/io/http2_stream.h"

#include <algorithm>

#include "proxy/core/trailers.h"
#include "proxy/io/http2_connection.h"
#include "runtime/socket_address.h"

namespace hearth::proxy {

Http2Stream::Http2Stream(Http2Connection& connection, std::int32_t id)
    : connection_(connection),
      id_(id),
      in_(connection.worker().blocks),
      request_(connection.worker(), *this, connection.who()) {
    ActiveExchange& active = request_.open();
    active.head_began = connection.worker().poller.now();
    active.http2_head.start(active.client_in.whole());
    wake_at(active.head_began + connection.worker().generation->snapshot->header_timeout);
}

Http2Stream::~Http2Stream() { connection_.worker().timers.set(*this, kNever); }

// --- what arrives: noted here, done in run() ---

bool Http2Stream::on_field(std::string_view name, std::string_view value) {
    constexpr std::size_t kAbsurd = 4 * Http2RequestHead::kMaxOctets;  // what is less is answered
    decoded_ += name.size() + value.size();
    if (decoded_ > kAbsurd) {  // out of a small HPACK block
        connection_.expel();
        return false;
    }
    if (state_ == State::kHead) {
        request_.active().http2_head.add(name, value);
    } else {
        append_trailer(trailers_, name, value);
    }
    return true;
}

void Http2Stream::on_fields_end(StreamEnd end) {
    if (state_ == State::kHead) {
        head_end_ = end;
        state_ = State::kBegun;
    }
    in_ended_ |= end == StreamEnd::kEnded;
    connection_.wake(*this);
}

void Http2Stream::on_data(std::string_view octets) {
    if (state_ == State::kBegun || state_ == State::kRequest) {
        in_.append(octets);
        connection_.wake(*this);
    } else {
        connection_.session().consume(id_, octets.size());
    }
}

void Http2Stream::on_data_end() {
    in_ended_ = true;
    connection_.wake(*this);
}

void Http2Stream::on_end_sent() {
    end_sent_ = true;
    connection_.wake(*this);
}

void Http2Stream::on_closed() {
    closed_ = true;
    if (state_ == State::kRequest) request_.client_failed();
    if (state_ == State::kHead || state_ == State::kBegun) request_.end();  // frees its memory now
    connection_.session().consume_of_all(in_.size());
    connection_.wake(*this);
}

// --- the request ---

bool Http2Stream::run() {
    if (closed_ && (state_ == State::kHead || state_ == State::kBegun))
        state_ = State::kReset;  // taken back at once
    if (state_ == State::kBegun) begin();
    if (state_ == State::kRequest) drive();
    if (end_sent_ && !in_ended_ && !closed_) {
        // The answer is complete; what the client still sends is not wanted (RFC 9113 §8.1).
        connection_.session().reset(id_, Http2Session::Why::kNoError);
        in_ended_ = true;
    }
    return !closed_;
}

void Http2Stream::begin() {
    ActiveExchange& active = request_.active();
    state_ = State::kRequest;
    const Refusal refusal = active.http2_head.finish(head_end_);
    if (refusal == Refusal::kNone) {
        request_.begin(active.http2_head.edit_head());
    } else {
        active.record.began = connection_.worker().poller.now();
        active.record.version = Version::kHttp2;
        request_.refuse({HopReason::kRefusedRequest, refusal});
    }
}

void Http2Stream::drive() {
    switch (request_.run()) {
        case ClientRequest::Progress::kWaits:
            if (closed_) request_.end();
            return;
        case ClientRequest::Progress::kAnswered:
            state_ = State::kAnswered;
            trailers_out_.assign(request_.trailers_to_client());
            resume();
            break;
        case ClientRequest::Progress::kAborted:
            state_ = State::kReset;
            if (!closed_) connection_.session().reset(id_, Http2Session::Why::kInternalError);
            break;
    }
    request_.end();
    wake_at(kNever);
    connection_.wake();
}

void Http2Stream::drain() {
    if (state_ == State::kRequest && request_.drain())
        connection_.session().reset(id_, Http2Session::Why::kCancel);
}

void Http2Stream::on_deadline() {
    if (state_ == State::kHead) return connection_.expel();
    if (state_ != State::kRequest) return;
    request_.on_deadline();
    connection_.wake(*this);
}

// --- the client as the request sees it ---

IoResult Http2Stream::read(std::span<char> room) {
    const std::size_t taken = in_.take(room);
    if (taken > 0) {
        connection_.session().consume(id_, taken);
        const std::int32_t most = connection_.take_note_of(taken);
        if (const std::int32_t window = window_.taken(taken, in_.size(), most); window > 0)
            connection_.session().widen(id_, window);
        return {IoStatus::kMoved, taken};
    }
    return {in_ended_ ? IoStatus::kEnd : IoStatus::kWouldBlock, 0};
}

void Http2Stream::write_head(std::span<char> head, StreamEnd end) {
    Http2Fields& fields = connection_.worker().http2_fields;
    fields.split_head(head);
    const bool is_final = fields.status() >= 200;
    connection_.session().respond(
        id_, fields.all(), is_final ? Http2Session::Head::kFinal : Http2Session::Head::kInterim,
        end);
    connection_.wake();
}

// The session takes what there is when it may be sent: supply() and take().
IoResult Http2Stream::write(const Outgoing&) {
    resume();
    return {IoStatus::kWouldBlock, 0};
}

void Http2Stream::resume() {
    if (!std::exchange(waits_for_supply_, false)) return;
    connection_.session().resume(id_);
    connection_.wake();
}

Http2StreamUser::Supply Http2Stream::supply() {
    Supply supply;
    if (state_ == State::kRequest) {
        supply.octets = request_.to_client().size();
        supply.is_last = request_.to_client_is_last();
        if (supply.is_last) trailers_out_.assign(request_.trailers_to_client());
    } else {
        supply.is_last = state_ == State::kAnswered;
    }
    supply.trailers = trailers_out_;
    waits_for_supply_ = supply.octets == 0 && !supply.is_last;
    return supply;
}

void Http2Stream::take(char* to, std::size_t octets) {
    std::size_t left = octets;
    for (const std::string_view part : request_.to_client().parts()) {
        const std::size_t fits = std::min(part.size(), left);
        to = std::copy_n(part.data(), fits, to);
        left -= fits;
        if (left == 0) break;
    }
    request_.wrote_to_client(octets);
    if (request_.to_client().empty()) connection_.wake(*this);
}

void Http2Stream::end_writing() { resume(); }

void Http2Stream::watch_peer() { connection_.stream().watch_peer(); }

Endpoint Http2Stream::local() const noexcept {
    return runtime::local_endpoint(connection_.stream().fd());
}

void Http2Stream::wake_at(TimePoint deadline) { connection_.worker().timers.set(*this, deadline); }

void Http2Stream::on_request_ready() { connection_.wake(*this); }

void Http2Stream::on_write_turn() { connection_.run(*this); }

void Http2Stream::give_way() { connection_.wake(*this); }

}  // namespace hearth::proxy
