#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/io/block_queue.h"
#include "proxy/io/client_request.h"
#include "proxy/io/http2_session.h"
#include "proxy/io/timed.h"

namespace hearth::proxy {

class Http2Connection;

// One request of an HTTP/2 client: its fields become a head, its DATA the body, and what the
// request answers becomes HEADERS and DATA. Owned by its connection.
class Http2Stream final : public Http2StreamUser, private RequestClient, private Timed {
public:
    Http2Stream(Http2Connection& connection, std::int32_t id);
    ~Http2Stream();

    // Does what has become possible; the connection calls it after events. False: it is over.
    [[nodiscard]] bool run();
    void drain();

    // The connection's: it is in line to be run.
    bool waits_for_run = false;
    // Where it keeps it.
    std::size_t index = 0;

private:
    enum class State : std::uint8_t {
        kHead,      // its fields arrive
        kBegun,     // they are complete
        kRequest,   // request_ is at it
        kAnswered,  // but the end may not have been sent yet
        kReset,     // by us
    };

    // Http2StreamUser
    bool on_field(std::string_view name, std::string_view value) override;
    void on_fields_end(StreamEnd end) override;
    void on_data(std::string_view octets) override;
    void on_data_end() override;
    void on_end_sent() override;
    void on_closed() override;
    Supply supply() override;
    void take(char* to, std::size_t octets) override;

    // RequestClient
    bool readable() const noexcept override { return !in_.empty() || in_ended_; }
    IoResult read(std::span<char> room) override;
    std::string_view trailers() const noexcept override { return trailers_; }
    bool writable() const noexcept override { return true; }
    IoResult write(const Outgoing& out) override;
    bool is_shared() const noexcept override { return true; }
    bool has_heads_apart() const noexcept override { return true; }
    void write_head(std::span<char> head, StreamEnd end) override;
    void end_writing() override;
    void watch_peer() override;
    Endpoint local() const noexcept override;
    void wake_at(TimePoint deadline) override;
    void on_request_ready() override;
    void on_write_turn() override;
    void give_way() override;

    void on_deadline() override;
    void begin();
    void drive();
    void resume();

    Http2Connection& connection_;
    std::int32_t id_;
    State state_ = State::kHead;
    StreamEnd head_end_ = StreamEnd::kOpen;
    bool in_ended_ = false;
    bool end_sent_ = false;
    bool waits_for_supply_ = false;  // the session has asked and there was nothing
    bool closed_ = false;
    BlockQueue in_;
    BodyWindow window_;
    std::size_t decoded_ = 0;  // of its fields
    std::string trailers_;
    std::string trailers_out_;
    ClientRequest request_;
};

}  // namespace hearth::proxy
