#include "proxy/io/http2_upstream.h"

#include <algorithm>
#include <array>

#include "proxy/io/tls_websocket.h"
#include "proxy/io/upstream_pool.h"

namespace hearth::proxy {

namespace {
constexpr Duration kIdleTime = 60s;
// While requests wait: until it is asked, until it gets no more of them, until those are lost.
constexpr Duration kSilentTime = 10s;
constexpr Duration kAnswerTime = 5s;
constexpr Duration kLostTime = 15s;
// Servers of gRPC close a connection on which PING comes more than twice within five minutes while
// they have nothing to say (gRFC A8).
constexpr unsigned kMostInARow = 2;
constexpr Duration kPatientTime = 6min;
constexpr int kReadsPerTurn = 8;  // of a block

// Of one answer's body may be on the way; beyond their first windows, of all that a worker waits
// for. Should all takers stop at once, that is what it has to keep.
constexpr std::int32_t kMostWindow = 1024 * 1024;
constexpr std::size_t kMostWide = 8 * 1024 * 1024;

std::size_t beyond_first(const BodyWindow& window) noexcept {
    return static_cast<std::size_t>(window.size() - BodyWindow::kFirst);
}

}  // namespace

// --- one request ---

Http2UpstreamStream::Http2UpstreamStream(Http2Upstream& connection, As as)
    : connection_(connection), as_(as), out_(connection.blocks()), in_(connection.blocks()) {
    connection.add(*this);
}

Http2UpstreamStream::~Http2UpstreamStream() {
    if (id_ > 0) {
        connection_.session().forget(id_);
        if (!is_over_) connection_.session().reset(id_, Http2Session::Why::kCancel);
        connection_.wake();
    }
    connection_.pool().wide_windows() -= beyond_first(window_);
    connection_.remove(*this);
}

std::optional<HopReason> Http2UpstreamStream::connect_result() {
    if (as_ == As::kRequest) return HopReason::kNone;
    return is_over_ ? failure_ : connection_.tunnel_result();
}

void Http2UpstreamStream::notify() {
    if (user_ != nullptr) user_->on_upstream_ready();
}

IoResult Http2UpstreamStream::read(std::span<char> room) {
    const std::size_t taken = in_.take(room);
    if (taken == 0)
        return {!readable() ? IoStatus::kWouldBlock
                : answered_ ? IoStatus::kEnd
                            : IoStatus::kFailed,
                0};
    if (in_.empty() && !is_over_ && !answered_) make_room();
    return {IoStatus::kMoved, taken};
}

void Http2UpstreamStream::make_room() {
    Http2Session& session = connection_.session();
    const std::size_t octets = std::exchange(unconsumed_, 0);
    // In a small window a peer's last segment may wait for us to acknowledge the one before it, and
    // our kernel for something to say: for 40 ms.
    session.consume_of_stream(
        id_, octets,
        window_.size() < kMostWindow ? Http2Session::Tell::kAtOnce : Http2Session::Tell::kInTime);
    std::size_t& wide = connection_.pool().wide_windows();
    const std::int32_t before = window_.size();
    const std::int32_t most =
        std::min<std::int32_t>(kMostWindow, before + static_cast<std::int32_t>(kMostWide - wide));
    if (const std::int32_t window = window_.taken(octets, 0, most); window > 0) {
        wide += static_cast<std::size_t>(window - before);
        session.widen(id_, window);
    }
    connection_.wake();
}

IoResult Http2UpstreamStream::write(const Outgoing& out) {
    if (is_over_) return {IoStatus::kFailed, 0};
    std::size_t taken = 0;
    for (const std::string_view part : out.parts()) {
        const bool good = id_ == 0 ? begin(part) : take_body(part);
        if (!good) return {IoStatus::kFailed, taken};
        taken += part.size();
    }
    if (std::exchange(waits_for_supply_, false)) connection_.session().resume(id_);
    connection_.wake();
    return {IoStatus::kMoved, taken};
}

// The head is always written whole and by itself.
bool Http2UpstreamStream::begin(std::string_view head) {
    Http2RequestFields fields;
    if (!fields.read(head, connection_.scheme(), as_)) return false;
    if (as_ == As::kTunnel) {
        const std::string_view key = fields.websocket_key();
        head_.open_tunnel(fields.protocol(), key.empty() ? "" : websocket_accept(key));
    }
    method_ = fields.method();
    body_ = fields.body();
    body_left_ = body_.length;
    if (as_ == As::kTunnel) body_.kind = BodyKind::kTunnel;
    out_ended_ = body_.kind == BodyKind::kNone;
    id_ = connection_.session().ask(fields.all(), out_ended_ ? StreamEnd::kEnded : StreamEnd::kOpen,
                                    *this);
    return id_ > 0;
}

bool Http2UpstreamStream::take_body(std::string_view octets) {
    if (body_.kind == BodyKind::kTunnel) {
        out_.append(octets);
        return true;
    }
    if (body_.kind != BodyKind::kChunked) {
        body_left_ -= std::min<std::uint64_t>(body_left_, octets.size());
        out_.append(octets);
        out_ended_ = body_left_ == 0;
        return true;
    }
    std::array<char, 4096> piece;  // decoded in place
    while (!octets.empty()) {
        const std::size_t size = std::min(octets.size(), piece.size());
        std::copy_n(octets.begin(), size, piece.begin());
        const auto step = decoder_.decode(std::span(piece).first(size));
        if (decoder_.refusal() != Refusal::kNone) return false;
        out_.append({piece.data(), step.produced});
        octets.remove_prefix(size);
    }
    out_ended_ = decoder_.done();
    if (out_ended_) trailers_out_ = decoder_.trailers();
    return true;
}

void Http2UpstreamStream::end_writing() {
    if (is_over_) return;
    out_ended_ = true;
    if (std::exchange(waits_for_supply_, false)) connection_.session().resume(id_);
    connection_.wake();
}

Http2StreamUser::Supply Http2UpstreamStream::supply() {
    waits_for_supply_ = out_.empty() && !out_ended_;
    return {out_.size(), out_ended_, trailers_out_};
}

void Http2UpstreamStream::take(char* to, std::size_t octets) {
    (void)out_.take({to, octets});
    connection_.wake(*this);
}

bool Http2UpstreamStream::on_field(std::string_view name, std::string_view value) {
    if (head_read_) {
        append_trailer(trailers_, name, value, head_.trailer_rule());
    } else {
        head_.add(name, value);
    }
    return true;
}

void Http2UpstreamStream::on_fields_end(StreamEnd end) {
    connection_.heard();
    if (is_over_) return;
    if (head_read_) return end_answer();  // they were trailers
    // An answer of nothing but trailers (gRPC) has its status among the fields of its head.
    in_.append(head_.finish(method_, end));
    head_read_ = !head_.is_interim();
    if (!head_read_ && in_.size() > kMostWaiting) {  // no window holds interim answers back
        connection_.session().reset(id_, Http2Session::Why::kCancel);
        is_over_ = true;
    }
    answered_ = end == StreamEnd::kEnded;
    connection_.wake(*this);
}

void Http2UpstreamStream::on_data(std::string_view octets) {
    connection_.heard();
    // Its own window bounds what waits here: who does not take it holds up nobody else's.
    connection_.session().consume_of_all(octets.size());
    unconsumed_ += octets.size();
    ChunkPrefix prefix;
    if (head_.is_chunked()) in_.append(prefix.set(octets.size()));
    in_.append(octets);
    if (head_.is_chunked()) in_.append(kChunkEnd);
    connection_.wake(*this);
}

void Http2UpstreamStream::on_data_end() { end_answer(); }

void Http2UpstreamStream::end_answer() {
    if (answered_) return;
    if (head_.is_chunked()) {
        in_.append("0\r\n");
        in_.append(trailers_);
        in_.append("\r\n");
    }
    answered_ = true;
    connection_.wake(*this);
}

void Http2UpstreamStream::on_closed() {
    is_over_ = true;
    connection_.wake(*this);
}

// --- the connection ---

Http2Upstream::Http2Upstream(UpstreamPool& pool, const Endpoint& endpoint,
                             std::shared_ptr<const UpstreamSecurity> security, Stream stream)
    : pool_(pool),
      endpoint_(endpoint),
      security_(std::move(security)),
      stream_(std::move(stream)),
      session_(Http2Session::Side::kClient, nullptr),
      out_(pool.blocks()) {}

void Http2Upstream::start() {
    wake();
    if (!pool_.poller().add(stream_.fd(), *this)) fail();
}

bool Http2Upstream::leads_to(const Endpoint& endpoint,
                             const UpstreamSecurity* security) const noexcept {
    return endpoint == endpoint_ && security != nullptr && *security == *security_;
}

bool Http2Upstream::has_room() const noexcept {
    return !dead_ && silence_ != Silence::kUnanswered && session_.takes_requests() &&
           streams_.size() < session_.most_requests();
}

BlockPool& Http2Upstream::blocks() noexcept { return pool_.blocks(); }

std::optional<HopReason> Http2Upstream::tunnel_result() const noexcept {
    const auto takes = session_.takes_tunnels();
    if (!takes) return std::nullopt;
    return *takes ? HopReason::kNone : HopReason::kNoTunnel;
}

std::string_view Http2Upstream::scheme() const noexcept {
    return security_->protocol == UpstreamProtocol::kHttps ? "https" : "http";
}

void Http2Upstream::add(Http2UpstreamStream& stream) {
    streams_.push_back(&stream);
    const TimePoint now = pool_.poller().now();
    if (streams_.size() == 1) silent_since_ = now;
    if (streams_.size() == 1 || deadline() > now + kSilentTime)
        pool_.timers().set(*this, now + kSilentTime);
}

void Http2Upstream::remove(Http2UpstreamStream& stream) {
    std::erase(streams_, &stream);
    if (stream.waits_for_notice) std::erase(to_notify_, &stream);
    if (!streams_.empty() || dead_) return;
    if (silence_ != Silence::kNone) return fail();
    pool_.timers().set(*this, pool_.poller().now() + kIdleTime);
    if (!session_.takes_requests()) fail();
}

void Http2Upstream::wake() {
    if (!std::exchange(to_flush_, true)) pool_.wants_flush(*this);
}

void Http2Upstream::wake(Http2UpstreamStream& stream) {
    if (!std::exchange(stream.waits_for_notice, true)) to_notify_.push_back(&stream);
    wake();
}

void Http2Upstream::on_ready(std::uint32_t events) {
    if (dead_) return;
    stream_.note(events);
    Buffer in(pool_.blocks());
    wake();
    for (int turn = 0; stream_.readable() && turn < kReadsPerTurn; ++turn) {
        const IoResult got = stream_.read(in.room());
        if (got.status == IoStatus::kWouldBlock) break;
        if (got.status != IoStatus::kMoved) return fail(stream_.failure());
        silence_ = Silence::kNone;
        silent_since_ = pool_.poller().now();
        if (!session_.receive(in.room().first(got.octets))) return fail();
        if (!peer_known_ && session_.takes_tunnels()) {
            peer_known_ = true;
            for (Http2UpstreamStream* stream : streams_) wake(*stream);  // tunnels wait for that
        }
    }
}

void Http2Upstream::notify() {
    while (!to_notify_.empty()) {
        Http2UpstreamStream* const stream = to_notify_.back();
        to_notify_.pop_back();
        stream->waits_for_notice = false;
        stream->notify();
    }
}

void Http2Upstream::flush() {
    to_flush_ = false;
    notify();
    while (!dead_) {
        if (out_.empty()) {
            const std::size_t size = session_.send(out_.room());
            if (size == 0) break;
            out_.filled(size);
        }
        if (!stream_.writable()) return;
        Outgoing piece;
        piece.add(out_.text());
        const IoResult sent = stream_.write(piece);
        if (sent.status == IoStatus::kWouldBlock) return;
        if (sent.status != IoStatus::kMoved) return fail();
        out_.consume(sent.octets);
    }
    out_.release();
    if (!dead_ && session_.is_over()) return fail();  // it broke the rules, and was told so
    if (!dead_ && stream_.readable()) on_ready(0);    // it had its turn before all was read
}

void Http2Upstream::on_deadline() {
    if (streams_.empty()) return fail();
    look_at_silence();
}

void Http2Upstream::look_at_silence() {
    const TimePoint now = pool_.poller().now();
    switch (silence_) {
        case Silence::kNone: break;
        case Silence::kAsked:
            silence_ = Silence::kUnanswered;
            return pool_.timers().set(*this, now + kLostTime);
        case Silence::kUnanswered: return fail(HopReason::kResponseTimeout);
    }
    const TimePoint ask_at =
        silent_since_ + (asked_for_life_ < kMostInARow ? kSilentTime : kPatientTime);
    if (now < ask_at) return pool_.timers().set(*this, ask_at);
    silence_ = Silence::kAsked;
    ++asked_for_life_;
    pool_.timers().set(*this, now + kAnswerTime);
    session_.ping();
    wake();
}

void Http2Upstream::fail(HopReason why) {
    if (std::exchange(dead_, true)) return;
    pool_.timers().set(*this, kNever);
    pool_.poller().remove(stream_.fd());
    stream_.close();
    for (Http2UpstreamStream* stream : streams_) {
        stream->connection_lost(why);
        wake(*stream);
    }
    wake();  // to tell them; then the pool forgets this
}

}  // namespace hearth::proxy
