// A PROXY header of version 2, cut in two: first octet says where. Both ways lead to the same.

#include <cstdint>
#include <cstdlib>

#include "dns/core/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    using Reader = dns::ProxyHeaderReader;
    if (size == 0) return 0;
    const ByteView all{data + 1, size - 1};
    Reader at_once;
    ByteView rest = all;
    const auto expected = at_once.feed(rest);

    Reader in_two;
    const std::size_t cut = all.empty() ? 0 : data[0] % (all.size() + 1);
    ByteView first = all.first(cut);
    ByteView second = all.subspan(cut);
    auto state = in_two.feed(first);
    if (state == Reader::State::kNeedMore) state = in_two.feed(second);
    if (state != expected) std::abort();
    if (state == Reader::State::kComplete && in_two.client() != at_once.client()) std::abort();
    return 0;
}
