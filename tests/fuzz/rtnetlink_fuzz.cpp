// Interfaces, addresses and neighbours, as rtnetlink tells of them.

#include <cstdlib>

#include "lb/io/route_message.h"
#include "tests/fuzz/netlink_datagram.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::lb;
    each_message(data, size, [](const nlmsghdr* message) {
        const auto link = parse_link(message);
        if (link && link->name.find('\0') != std::string::npos) std::abort();
        const auto address = parse_address(message);
        if (address && address->prefix_length > address->address.bit_length()) std::abort();
        const auto neighbour = parse_neighbour(message);
        if (neighbour && neighbour->age < neighbour->age.zero()) std::abort();
    });
    return 0;
}
