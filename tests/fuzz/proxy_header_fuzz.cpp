// A PROXY header, cut in two: the first octet says where. Both ways lead to the same, and what
// names a client is written and read back.

#include <cstdint>
#include <cstdlib>

#include "base/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    using Reader = ProxyHeaderReader;
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
    if (state != Reader::State::kComplete || !in_two.names_client()) return 0;
    for (const ProxyProtocol version : {ProxyProtocol::kV1, ProxyProtocol::kV2}) {
        const std::string text = proxy_header(version, in_two.client(), {in_two.local(), 443});
        ByteView written = as_bytes(text);
        Reader back;
        if (back.feed(written) != Reader::State::kComplete || !written.empty()) {
            // Port 0 and a pair of families have no text form.
            if (version == ProxyProtocol::kV2) std::abort();
        }
    }
    return 0;
}
