#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/core/body_coder.h"
#include "proxy/core/chunked.h"
#include "proxy/core/outgoing.h"
#include "proxy/model/message.h"

namespace hearth::proxy {

// One body on its way from one connection to the other: finds its end in the framing it
// arrives in and puts it into the framing it leaves in. Holds no body octets itself.
class BodyFlow {
public:
    // `coder` changes the payload; it lives as long as the flow.
    void start(BodyFraming in, BodyKind out, BodyCoder* coder = nullptr);

    // After start().
    void set_trailer_rule(TrailerRule rule) noexcept { decoder_.set_trailer_rule(rule); }

    // Takes octets of the body off the front of `bytes` (and may rewrite them in place), adds what
    // is to be sent to `out`, and returns how many it took. The caller keeps `bytes` until `out`
    // has left.
    [[nodiscard]] std::size_t advance(std::span<char> bytes, Outgoing& out);

    // The sender closed its side. False when that cuts the body short. `trailers`: what HTTP/2 sent
    // after the body, lines with their CR LF; must live until `out` has left.
    [[nodiscard]] bool end_of_input(Outgoing& out, std::string_view trailers = {});

    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] Refusal refusal() const noexcept {
        return in_ == BodyKind::kChunked ? decoder_.refusal() : Refusal::kNone;
    }
    // Lines with their CR LF, of a chunked body that is done.
    [[nodiscard]] std::string_view trailers() const noexcept {
        return done_ && in_ == BodyKind::kChunked ? decoder_.trailers() : std::string_view{};
    }
    // Payload octets so far.
    [[nodiscard]] std::uint64_t octets() const noexcept { return octets_; }

private:
    void pass(std::string_view payload, Outgoing& out);

    BodyKind in_ = BodyKind::kNone;
    BodyKind out_ = BodyKind::kNone;
    BodyCoder* coder_ = nullptr;
    bool done_ = true;
    std::uint64_t left_ = 0;  // with kLength
    std::uint64_t octets_ = 0;
    ChunkedDecoder decoder_;
    ChunkPrefix prefix_;
};

}  // namespace hearth::proxy
