// A Forwarded field after a request head of our own: whatever it holds, who is believed is the peer
// or an address in it, and what we write of it is read back.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/core/forwarded.h"
#include "proxy/core/real_client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    using namespace hearth::proxy;
    const std::string value(reinterpret_cast<const char*>(data), size);
    RequestHead head;
    head.authority = "web.home";
    head.headers.add({"Forwarded", value, HeaderId::kForwarded});
    head.headers.add({"X-Forwarded-For", value, HeaderId::kXForwardedFor});
    const std::vector<IpPrefix> trusted{*IpPrefix::parse("10.0.0.0/8")};
    for (const TrustedHeader header : {TrustedHeader::kForwarded, TrustedHeader::kXForwarded}) {
        const Peer peer{IpAddress::v4(10, 0, 0, 1), "10.0.0.1", true, "http", header};
        (void)origin_of(head, peer, trusted);
        const std::string written = forwarded_field(head, peer);
        RequestHead again;
        again.headers.add({"Forwarded", written, HeaderId::kForwarded});
        const auto all = passed_addresses(head, peer);
        const auto count = std::count(all.begin(), all.end(), ',') + 1;
        const auto read = ForwardedChain::of(again.headers).elements().size();
        if (count <= static_cast<std::ptrdiff_t>(ForwardedChain::kMost) &&
            read != static_cast<std::size_t>(count))
            std::abort();
    }
    return 0;
}
