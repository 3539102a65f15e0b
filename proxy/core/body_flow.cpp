#include "proxy/core/body_flow.h"

#include <algorithm>

namespace hearth::proxy {

void BodyFlow::start(BodyFraming in, BodyKind out, BodyCoder* coder) {
    coder_ = coder;
    in_ = in.kind;
    out_ = out;
    left_ = in.length;
    octets_ = 0;
    done_ = in.kind == BodyKind::kNone;
    if (in_ == BodyKind::kChunked) decoder_.reset();
}

std::size_t BodyFlow::advance(std::span<char> bytes, Outgoing& out) {
    if (done_ || bytes.empty()) return 0;
    ChunkedDecoder::Step step{bytes.size(), bytes.size()};
    if (in_ == BodyKind::kLength) {
        step.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        step.produced = step.consumed;
        left_ -= step.consumed;
        done_ = left_ == 0;
    } else if (in_ == BodyKind::kChunked) {
        step = decoder_.decode(bytes);
        if (decoder_.refusal() != Refusal::kNone) return step.consumed;
        done_ = decoder_.done();
    }
    octets_ += step.produced;
    pass({bytes.data(), step.produced}, out);
    return step.consumed;
}

void BodyFlow::pass(std::string_view payload, Outgoing& out) {
    if (coder_ != nullptr)
        payload = coder_->code(payload, done_ ? BodyCoder::Part::kLast : BodyCoder::Part::kMore);
    if (out_ != BodyKind::kChunked) {
        out.add(payload);
        return;
    }
    out.add(prefix_.set(payload.size()));
    out.add(payload);
    if (!done_) {
        if (!payload.empty()) out.add(kChunkEnd);
        return;
    }
    if (trailers().empty()) {
        out.add(payload.empty() ? kLastChunk : kChunkEndAndLast);
        return;
    }
    out.add(payload.empty() ? kLastChunk.substr(0, 3) : kChunkEndAndLast.substr(0, 5));
    out.add(decoder_.trailers());
    out.add(kChunkEnd);
}

bool BodyFlow::end_of_input(Outgoing& out, std::string_view trailers) {
    if (done_) return true;
    if (in_ != BodyKind::kUntilClose && in_ != BodyKind::kTunnel) return false;
    done_ = true;
    if (coder_ != nullptr) {
        const std::string_view rest = coder_->code({}, BodyCoder::Part::kLast);
        if (out_ == BodyKind::kChunked && !rest.empty()) out.add(prefix_.set(rest.size()));
        out.add(rest);
        if (out_ == BodyKind::kChunked && !rest.empty()) out.add(kChunkEnd);
    }
    if (out_ == BodyKind::kChunked) {
        out.add(trailers.empty() ? kLastChunk : kLastChunk.substr(0, 3));
        out.add(trailers);
        if (!trailers.empty()) out.add(kChunkEnd);
    }
    return true;
}

}  // namespace hearth::proxy
