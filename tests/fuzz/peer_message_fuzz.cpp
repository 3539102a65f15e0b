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
    }
    return 0;
}
