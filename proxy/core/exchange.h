#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proxy/core/body_flow.h"
#include "proxy/core/header_rules.h"
#include "proxy/core/http1_parser.h"
#include "proxy/core/outgoing.h"
#include "proxy/core/response_editor.h"
#include "proxy/model/hop_error.h"
#include "proxy/model/message.h"

namespace hearth::proxy {

// Nothing limits the whole of an exchange: a backup may take a night.
struct ExchangeTimeouts {
    Duration connect = 3s;
    Duration body_idle = 60s;       // neither side moved a body on
    Duration response_head = 300s;  // from the last octet of the request, of gRPC from any
};

// One request and its response between a client and an upstream, without sockets: octets and
// events go in, what to write and what to read next comes out. The driver owns the buffers
// and both connections, and calls, until verdict() is not kGoOn:
//
//   begin → upstream_ready → { client_bytes | upstream_bytes | wrote_* | *_closed | *_failed |
//   on_deadline }
//
// Octets given to client_bytes and upstream_bytes stay where they are until to_upstream() or
// to_client() is empty again.
class Exchange {
public:
    enum class Verdict : std::uint8_t {
        kGoOn,
        kRetry,     // the upstream took nothing: try_again() with another connection
        kFinished,  // client_reusable() and upstream_reusable() say what is left
        kFailed,    // error() says why; a page may be sent unless response_started()
    };

    explicit Exchange(ExchangeTimeouts timeouts = {}) noexcept : timeouts_(timeouts) {}

    // Serialises the request head for the upstream into `space`, which must live as long as the
    // exchange. `endpoints`: how many the service has, which bounds the retries.
    void begin(const RequestHead& head, const Peer& peer, const std::vector<IpPrefix>& trusted,
               std::size_t endpoints, std::span<char> space, TimePoint now);

    // After begin(): who edits the answer. Lives as long as the exchange.
    void set_editor(ResponseEditor* editor) noexcept { editor_ = editor; }

    // After begin(): a longer body of the request ends it.
    void set_body_limit(std::uint64_t octets) noexcept { body_limit_ = octets; }

    // How long the upstream may take until its answer begins; after begin() as well.
    void set_answer_time(Duration time) noexcept { timeouts_.response_head = time; }

    // After kRetry; error() says what happened.
    void try_again(TimePoint now) noexcept;
    // A kept connection turned out to be dead: another one might be, too.
    [[nodiscard]] bool needs_fresh_upstream() const noexcept { return fresh_only_; }

    // How much of the request is with the upstream of this attempt.
    enum class Sent : std::uint8_t {
        kNothing,
        kPart,
        kAll,       // and nothing of an answer has come
        kAnswered,  // at least in part
    };
    [[nodiscard]] Sent sent() const noexcept;

    enum class UpstreamConnection : std::uint8_t { kFresh, kReused };
    void upstream_ready(UpstreamConnection connection, TimePoint now) noexcept;

    // Both take octets of their body off the front and return how many they took.
    [[nodiscard]] std::size_t client_bytes(std::span<char> bytes, TimePoint now);
    // `space`: where a response head for the client may be written; must live until it has left.
    [[nodiscard]] std::size_t upstream_bytes(std::span<char> bytes, std::span<char> space,
                                             TimePoint now);

    void wrote_to_upstream(std::size_t octets, TimePoint now) noexcept;
    void wrote_to_client(std::size_t octets, TimePoint now) noexcept;

    // It will send no more. `trailers`: see BodyFlow::end_of_input().
    void client_closed(TimePoint now, std::string_view trailers = {});
    void client_failed();                 // reset, or a write failed
    void upstream_closed(TimePoint now);  // it will send no more
    void upstream_failed(HopReason reason);
    void upstream_write_failed();  // it may still have answered
    // `awaited`: what a connection under way lacks.
    void on_deadline(TimePoint now, HopReason awaited = HopReason::kConnectTimeout);

    // The client connection is to end with this response.
    void announce_close() noexcept { keep_alive_ = false; }

    [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }
    [[nodiscard]] HopError error() const noexcept { return error_; }
    [[nodiscard]] TimePoint deadline() const noexcept;

    [[nodiscard]] bool wants_client_bytes() const noexcept;
    [[nodiscard]] bool wants_upstream_bytes() const noexcept;
    [[nodiscard]] const Outgoing& to_upstream() const noexcept { return to_upstream_; }
    [[nodiscard]] const Outgoing& to_client() const noexcept { return to_client_; }

    // HTTP/2 has its heads apart from its bodies: one that is to leave before to_client(), as
    // write_response_head() wrote it, the status of a tunnel being 101. Empty when there is none.
    [[nodiscard]] std::span<char> take_head_to_client() noexcept;
    // Nothing follows what is in to_client() but these lines, for HTTP/2.
    [[nodiscard]] bool response_read() const noexcept {
        return phase_ >= Phase::kRelaying && response_.done();
    }
    [[nodiscard]] std::string_view trailers_to_client() const noexcept {
        return response_.trailers();
    }

    // In a tunnel one side has ended and its octets have left: pass the end on. True once.
    [[nodiscard]] bool take_upstream_end() noexcept;
    [[nodiscard]] bool take_client_end() noexcept;

    [[nodiscard]] bool client_reusable() const noexcept;
    // Further octets after the response make it unusable all the same: the driver sees those.
    [[nodiscard]] bool upstream_reusable() const noexcept;

    [[nodiscard]] bool connecting() const noexcept { return phase_ == Phase::kConnecting; }
    [[nodiscard]] bool is_tunnel() const noexcept { return phase_ == Phase::kTunnel; }
    [[nodiscard]] bool asks_for_upgrade() const noexcept { return upgrade_asked_; }
    // A tunnel, server-sent events or gRPC: no deadline while nothing waits to be sent.
    [[nodiscard]] bool may_be_silent() const noexcept { return endless_ || is_tunnel(); }
    [[nodiscard]] bool response_started() const noexcept { return phase_ >= Phase::kRelaying; }
    [[nodiscard]] bool request_read() const noexcept { return request_.done(); }
    [[nodiscard]] bool keep_alive_wanted() const noexcept { return keep_alive_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::uint64_t request_octets() const noexcept { return request_.octets(); }
    [[nodiscard]] std::uint64_t response_octets() const noexcept { return response_.octets(); }

private:
    enum class Phase : std::uint8_t { kConnecting, kAwaitingHead, kRelaying, kTunnel };

    void fail(HopReason reason, Refusal refusal = Refusal::kNone) noexcept;
    [[nodiscard]] bool take_response_head(std::span<char> bytes, std::span<char> space,
                                          std::size_t& used);
    void relay_interim(std::span<char> space);
    void relay_final(std::span<char> space);
    void open_tunnel(std::span<char> space);
    [[nodiscard]] bool write_head(BodyKind body, ClientConnection connection,
                                  std::span<char> space);
    void settle() noexcept;

    ExchangeTimeouts timeouts_;
    Phase phase_ = Phase::kConnecting;
    Verdict verdict_ = Verdict::kGoOn;
    HopError error_;

    // the request
    Method method_ = Method::kOther;
    Version client_version_ = Version::kHttp11;
    bool keep_alive_ = true;  // the client asked for it
    bool expects_continue_ = false;
    bool upgrade_asked_ = false;
    bool has_body_ = false;
    bool grpc_asked_ = false;
    std::string_view request_head_;
    BodyFlow request_;
    Outgoing to_upstream_;
    bool body_waits_ = false;  // to_upstream_ holds octets of the body
    bool request_abandoned_ = false;
    std::uint64_t body_limit_ = 0;  // 0: none

    // the attempt
    std::size_t retries_left_ = 0;
    UpstreamConnection connection_ = UpstreamConnection::kFresh;
    bool fresh_only_ = false;
    bool sent_any_ = false;
    bool received_any_ = false;

    // the response
    ResponseEditor* editor_ = nullptr;
    ResponseParser parser_;
    BodyFlow response_;
    Outgoing to_client_;
    std::span<char> head_to_client_;
    int status_ = 0;
    int interim_heads_ = 0;
    bool close_announced_ = false;
    bool upstream_keep_alive_ = false;
    bool endless_ = false;  // server-sent events, gRPC: silence is normal
    bool upstream_end_sent_ = false;
    bool client_end_sent_ = false;

    TimePoint last_progress_{};
};

}  // namespace hearth::proxy
