// A compressed list, in one piece and octet by octet: the same text or the same refusal.
#include "dns/lists/gunzip.h"

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace hearth;
using namespace hearth::dns;

namespace {

constexpr std::size_t kMost = 1U << 20;  // as lists have a size limit

std::string expand(ByteView packed, std::size_t piece, bool& is_whole) {
    Gunzip gunzip;
    std::string text;
    const auto take = [&text](ByteView some) -> Result<void> {
        text += as_text(some);
        if (text.size() > kMost) return fail(Errc::kTooLarge, "", "too large");
        return {};
    };
    while (!packed.empty()) {
        const auto next = packed.first(std::min(piece, packed.size()));
        if (!gunzip.feed(next, take)) {
            is_whole = false;
            return {};
        }
        packed = packed.subspan(next.size());
    }
    is_whole = gunzip.is_whole();
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bool is_whole = false;
    bool is_whole_split = false;
    const std::string text = expand({data, size}, size, is_whole);
    if (expand({data, size}, 1, is_whole_split) != text || is_whole != is_whole_split) std::abort();
    return 0;
}
