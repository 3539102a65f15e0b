// What an authenticated peer may send: cut into messages the same way however it arrives, and
// written back as it was read.

#include <cstdlib>

#include "lb/core/peer_codec.h"

using namespace hearth;
using namespace hearth::lb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes{data, size};
    PeerStream whole;
    const auto at_once = whole.feed(bytes);
    PeerStream halves;
    const auto first = halves.feed(bytes.first(size / 2));
    if (!first) {
        if (at_once) std::abort();
        return 0;
    }
    const auto second = halves.feed(bytes.subspan(size / 2));
    if (at_once.has_value() != second.has_value()) std::abort();
    if (!at_once) return 0;
    if (first->size() + second->size() != at_once->size()) std::abort();
    for (const auto& message : *at_once) {
        PeerStream again;
        const auto written = again.feed(write_peer_message(message));
        if (!written) std::abort();
        if (std::holds_alternative<PeerUnknown>(message)) continue;
        // Long texts and lists are cut; what hearth-lb only carries comes out as it went in.
        const bool is_whole = written->size() == 1;
        if (!is_whole) std::abort();
        const auto* call = std::get_if<PeerCall>(&message);
        if (call == nullptr || call->topic.size() > 1024 || call->body.size() > PeerCall::kMost)
            continue;
        if (written->front() != message) std::abort();
        (void)parse_peer_topic(call->topic);
    }
    return 0;
}
