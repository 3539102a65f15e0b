#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/io/block_pool.h"
#include "proxy/io/client_request.h"
#include "proxy/io/upstream_leg.h"
#include "proxy/io/worker_state.h"

namespace hearth::proxy {

// A client connection that is passed on to an upstream as it is: connects, trying another upstream
// when one does not take it, then moves octets both ways, at the speed of the slower side. Each
// end's close is passed on by itself; a reset as a reset. On its worker's thread.
class StreamRelay final : private UpstreamUser {
public:
    enum class Life : std::uint8_t { kGoesOn, kEnded, kBroken };

    // `service` is one of `generation`, which it keeps.
    StreamRelay(WorkerState& worker, RequestClient& client, const ClientIdentity& who,
                std::shared_ptr<Generation> generation, ServiceState& service);
    ~StreamRelay();
    StreamRelay(const StreamRelay&) = delete;
    StreamRelay& operator=(const StreamRelay&) = delete;

    // May the client come in at all? Call once, before run().
    [[nodiscard]] bool admit();
    [[nodiscard]] Life run();
    [[nodiscard]] Life on_deadline();
    // Ends at the first moment of silence.
    void drain();

private:
    struct Way {
        explicit Way(BlockPool& blocks) noexcept : waiting(blocks) {}
        Buffer waiting;
        std::uint64_t octets = 0;
        bool ended = false;   // nothing more comes in
        bool passed = false;  // … and the other side has been told
    };
    enum class Moved : std::uint8_t { kNothing, kSomething, kFailed };

    void on_upstream_ready() override { client_.on_request_ready(); }
    [[nodiscard]] Life connect();
    void connection_failed(HopReason why);
    [[nodiscard]] Life finish_connect();
    [[nodiscard]] Life relay();
    template <class From, class To>
    [[nodiscard]] Moved move(Way& way, From& from, To& to, runtime::Counter& counter);
    Life break_off(HopReason why);
    Life end(StreamClose how);
    void tell_of_it() const;
    void leave_upstream();
    [[nodiscard]] TimePoint now() const noexcept { return worker_.poller.now(); }
    [[nodiscard]] const StreamRoute& route() const noexcept { return service_.service->stream; }

    WorkerState& worker_;
    RequestClient& client_;
    const ClientIdentity& who_;
    std::shared_ptr<Generation> generation_;
    ServiceState& service_;
    std::unique_ptr<UpstreamLeg> upstream_;
    Endpoint endpoint_;
    RunningLoad running_;  // of the endpoint's
    std::array<Endpoint, 4> tried_{};
    std::size_t tried_count_ = 0;
    bool connected_ = false;
    bool counted_ = false;  // among the service's
    Way to_upstream_;
    Way to_client_;
    TimePoint began_;
    TimePoint moved_at_;
    StreamClose close_ = StreamClose::kStopped;
    HopReason failure_ = HopReason::kNone;
    TimePoint connect_until_{};
};

// The TLS alert (RFC 8446 §6) for a connection that is not passed on: without it browsers guess.
[[nodiscard]] std::string_view tls_alert(HopReason reason) noexcept;

}  // namespace hearth::proxy
