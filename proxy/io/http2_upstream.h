#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ip.h"
#include "proxy/core/body_window.h"
#include "proxy/core/chunked.h"
#include "proxy/core/http2_translation.h"
#include "proxy/io/block_queue.h"
#include "proxy/io/http2_session.h"
#include "proxy/io/poller.h"
#include "proxy/io/stream.h"
#include "proxy/io/timed.h"
#include "proxy/io/upstream_leg.h"
#include "proxy/model/service.h"

namespace hearth::proxy {

class Http2Upstream;
class UpstreamPool;

// One request on a shared connection, or a tunnel, which stands when the peer is known to take
// them. Takes HTTP/1.1 and gives HTTP/1.1; the frames are between.
class Http2UpstreamStream final : public UpstreamLeg, public Http2StreamUser {
public:
    using As = Http2RequestFields::As;

    explicit Http2UpstreamStream(Http2Upstream& connection, As as = As::kRequest);
    ~Http2UpstreamStream() override;

    std::optional<HopReason> connect_result() override;
    bool readable() const noexcept override {
        return !in_.empty() || is_over_ || (head_.is_tunnel() && answered_);
    }
    IoResult read(std::span<char> room) override;
    bool writable() const noexcept override { return is_over_ || out_.size() < kMostWaiting; }
    IoResult write(const Outgoing& out) override;
    void end_writing() override;

    void notify();
    [[nodiscard]] HopReason failure() const noexcept override { return failure_; }
    void connection_lost(HopReason why) {
        is_over_ = true;
        failure_ = why;
    }

    bool waits_for_notice = false;  // the connection's

private:
    static constexpr std::size_t kMostWaiting = 32 * 1024;

    bool on_field(std::string_view name, std::string_view value) override;
    void on_fields_end(StreamEnd end) override;
    void on_data(std::string_view octets) override;
    void on_data_end() override;
    void on_end_sent() override {}
    void on_closed() override;
    Supply supply() override;
    void take(char* to, std::size_t octets) override;

    [[nodiscard]] bool begin(std::string_view head);
    [[nodiscard]] bool take_body(std::string_view octets);
    void end_answer();
    void make_room();

    Http2Upstream& connection_;
    As as_;
    std::int32_t id_ = 0;  // 0: not begun
    Method method_ = Method::kGet;
    BodyFraming body_;
    std::uint64_t body_left_ = 0;
    ChunkedDecoder decoder_;
    BlockQueue out_;
    bool out_ended_ = false;
    bool waits_for_supply_ = false;
    std::string trailers_out_;
    Http1ResponseText head_;
    bool head_read_ = false;
    std::string trailers_;
    BlockQueue in_;
    std::size_t unconsumed_ = 0;  // octets of bodies in in_
    BodyWindow window_;
    bool answered_ = false;  // the end of the answer is in in_
    bool is_over_ = false;   // nothing more arrives
    HopReason failure_ = HopReason::kReset;
};

// A connection to an upstream that speaks HTTP/2, shared by the requests of one worker. When it is
// silent while requests wait it is asked for a sign of life (PING): without one it gets no more of
// them, and later gives up those it has. Owned by the pool.
class Http2Upstream final : public Pollable, private Timed {
public:
    Http2Upstream(UpstreamPool& pool, const Endpoint& endpoint,
                  std::shared_ptr<const UpstreamSecurity> security, Stream stream);

    void start();
    [[nodiscard]] bool leads_to(const Endpoint& endpoint,
                                const UpstreamSecurity* security) const noexcept;
    [[nodiscard]] bool has_room() const noexcept;
    // Nobody needs it any more.
    [[nodiscard]] bool is_gone() const noexcept { return dead_ && streams_.empty(); }
    void on_ready(std::uint32_t events) override;
    // Writes what there is; the pool calls it after each batch.
    void flush();

    // For its streams.
    [[nodiscard]] Http2Session& session() noexcept { return session_; }
    [[nodiscard]] UpstreamPool& pool() noexcept { return pool_; }
    [[nodiscard]] BlockPool& blocks() noexcept;
    [[nodiscard]] std::string_view scheme() const noexcept;
    void add(Http2UpstreamStream& stream);
    void remove(Http2UpstreamStream& stream);
    void wake();
    // kNoTunnel, or kNone; nothing before its SETTINGS.
    [[nodiscard]] std::optional<HopReason> tunnel_result() const noexcept;
    // It has answered something.
    void heard() noexcept { asked_for_life_ = 0; }
    void wake(Http2UpstreamStream& stream);

private:
    void on_deadline() override;
    void look_at_silence();
    void notify();
    void fail(HopReason why = HopReason::kReset);

    UpstreamPool& pool_;
    Endpoint endpoint_;
    std::shared_ptr<const UpstreamSecurity> security_;
    Stream stream_;
    Http2Session session_;
    Buffer out_;
    std::vector<Http2UpstreamStream*> streams_;
    std::vector<Http2UpstreamStream*> to_notify_;
    bool to_flush_ = false;
    bool peer_known_ = false;
    bool dead_ = false;
    enum class Silence : std::uint8_t { kNone, kAsked, kUnanswered } silence_ = Silence::kNone;
    TimePoint silent_since_{};     // while requests wait
    unsigned asked_for_life_ = 0;  // in vain or not, since it answered a request
};

}  // namespace hearth::proxy
