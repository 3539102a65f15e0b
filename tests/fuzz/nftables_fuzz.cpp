// What nftables tells: changes that others made, and elements of our sets and maps. libnftnl, which
// takes messages apart, ends the process where attributes break the kernel's ABI: elements come
// from its own writer, with keys and values of any size and content.

#include <algorithm>
#include <cstdlib>

#include "lb/io/nft_monitor.h"
#include "lb/io/service_reader.h"
#include "tests/fuzz/netlink_datagram.h"

namespace {

using namespace hearth;
using namespace hearth::lb;

// The next field of the input: its length, 0 to 63, and its octets.
ByteView take_field(ByteView& input) {
    if (input.empty()) return {};
    const std::size_t size = std::min<std::size_t>(input[0] % 64, input.size() - 1);
    const ByteView field = input.subspan(1, size);
    input = input.subspan(1 + size);
    return field;
}

nftnl_set_elem* take_element(ByteView& input) {
    nftnl_set_elem* element = nftnl_set_elem_alloc();
    const ByteView key = take_field(input);
    const ByteView value = take_field(input);
    if (!key.empty())
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(),
                           static_cast<std::uint32_t>(key.size()));
    if (!value.empty())
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, value.data(),
                           static_cast<std::uint32_t>(value.size()));
    return element;
}

void read_all(const nlmsghdr* message) {
    for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
        InstalledServices services;
        read_elements(message, service_family(family), services);
        for (const auto& [port, slots] : services.slots)
            if (slots.empty() || slots.size() > 65'536) std::abort();
        SlotHits hits;
        read_hits(message, service_family(family), hits);
        std::vector<RememberedClient> clients;
        read_clients(message, service_family(family), clients);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    each_message(data, size, [](const nlmsghdr* message) {
        (void)is_about_us(message, {NftFamily::kInet, NftFamily::kIpv4, NftFamily::kNetdev});
    });
    ByteView input{data, size};
    std::vector<char> buffer(16'384);
    const Set set = make_set(service_family(IpFamily::kV4).table, kBackendMap);
    for (int i = 0; i < 16 && !input.empty(); ++i)
        nftnl_set_elem_add(set.get(), take_element(input));
    nlmsghdr* message =
        nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_NEWSETELEM, NFPROTO_IPV4, 0, 1);
    nftnl_set_elems_nlmsg_build_payload(message, set.get());
    read_all(message);
    return 0;
}
