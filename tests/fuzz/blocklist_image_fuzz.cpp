// An image is checked once and then read without looking: whatever open() accepts, lookups must
// stay inside it. The checksum is made right, so that what is behind it is reached.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dns/core/blocklist.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

void look_up(const BlockSet& set) {
    for (const char* text : {"a", "a.b", "x.ads.example", "a.b.c.d.e.f.g.h", "."}) {
        const Match match = set.match(Name::parse(text).value());
        if (match.action != ListAction::kNone && match.list >= set.lists().size()) std::abort();
    }
    for (const BlockSet::List& list : set.lists()) {
        if (list.name.size() > 0xffff) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Exactly as large as the input, so that one byte too far is seen.
    std::unique_ptr<std::uint8_t[]> image(new std::uint8_t[size]);
    if (size > 0) std::memcpy(image.get(), data, size);
    const ByteView bytes(image.get(), size);
    if (const auto set = BlockSet::open(bytes)) look_up(*set);
    if (size < kImageHeader) return 0;

    const std::uint64_t whole = size;
    std::memcpy(image.get() + 32, &whole, sizeof whole);
    const SipKey key{load_le64(image.get() + 16), load_le64(image.get() + 24)};
    const std::uint64_t sum = siphash13(key, bytes.subspan(kImageChecksumEnd));
    std::memcpy(image.get() + 40, &sum, sizeof sum);
    if (const auto set = BlockSet::open(bytes)) look_up(*set);
    return 0;
}
