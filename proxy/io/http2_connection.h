#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/io/http2_session.h"
#include "proxy/io/http2_stream.h"
#include "proxy/io/stream.h"
#include "proxy/io/worker_state.h"

namespace hearth::proxy {

// A client connection that speaks HTTP/2: many requests at a time over one socket. Owned by the
// ClientSession it began as, which tells it what happens and closes it when it says kOver.
// Frames are written once for each batch of events.
class Http2Connection final : private Http2Session::Acceptor {
public:
    enum class Life : std::uint8_t {
        kGoesOn,
        kOver,    // everything was said
        kBroken,  // the client is gone, or does not listen
    };

    Http2Connection(WorkerState& worker, ClientSession& owner, Stream& stream,
                    const ClientIdentity& who);
    ~Http2Connection();

    // Octets that were read before it was known what they are.
    void receive(std::span<const char> octets);
    // The socket has become ready.
    [[nodiscard]] Life on_ready();
    [[nodiscard]] Life on_deadline();
    // After each batch: runs the streams that wait for it, then, with what others have brought
    // about meanwhile, writes what there is.
    void run_streams();
    [[nodiscard]] Life flush();
    // It was ended for what the client has sent.
    [[nodiscard]] bool blames_client() const noexcept { return session_.blames_peer(); }
    // No new requests; those under way end.
    void drain();

    // For its streams.
    [[nodiscard]] WorkerState& worker() noexcept { return worker_; }
    [[nodiscard]] const ClientIdentity& who() const noexcept { return who_; }
    [[nodiscard]] Http2Session& session() noexcept { return session_; }
    [[nodiscard]] Stream& stream() noexcept { return stream_; }
    // It has something to do or to send: flush() comes.
    void wake(Http2Stream& stream);
    void wake();
    // Octets of a body were taken; how many may be on the way.
    [[nodiscard]] std::int32_t take_note_of(std::size_t octets);
    // It cannot wait for that; it may be gone afterwards.
    void run(Http2Stream& stream);
    // The client is a nuisance.
    void expel();

private:
    enum class Drain : std::uint8_t { kNo, kAnnounced, kRefusing };

    Http2StreamUser* on_stream(std::int32_t id) override;
    void remove(Http2Stream& stream);
    [[nodiscard]] bool write();
    [[nodiscard]] std::uint64_t cost_so_far() const noexcept;
    void pace_idle_frames();
    void widen();
    void set_timer();

    WorkerState& worker_;
    ClientSession& owner_;
    Stream& stream_;
    const ClientIdentity& who_;
    Http2Session session_;
    Buffer out_;
    std::vector<std::unique_ptr<Http2Stream>> streams_;
    std::vector<Http2Stream*> to_run_;
    std::vector<Http2Stream*> running_;
    bool to_flush_ = false;  // on WorkerState::to_flush
    bool input_over_ = false;
    bool expelled_ = false;
    Drain drain_ = Drain::kNo;
    TimePoint announced_at_{};
    TimePoint idle_since_{};
    TimePoint stuck_since_{};  // the last octet left while out_ held some
    std::size_t read_size_;
    std::uint64_t opened_ = 0;  // streams
    std::uint64_t idle_seen_ = 0;
    std::uint64_t idle_budget_ = 0;
    std::uint64_t octets_sent_ = 0;
    TimePoint paced_at_{};
    PathWindow window_;
    std::uint64_t pongs_seen_ = 0;
};

}  // namespace hearth::proxy
