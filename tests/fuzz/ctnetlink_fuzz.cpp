// What the kernel tells about flows: ctnetlink and sock_diag.

#include <cstdlib>

#include "lb/io/flow_message.h"
#include "tests/fuzz/netlink_datagram.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::lb;
    each_message(data, size, [](const nlmsghdr* message) {
        const auto flow = parse_tracked_flow(message);
        // It goes back to the kernel as a whole number of attributes.
        if (flow && (flow->name.empty() || flow->name.size() % 4 != 0)) std::abort();
        (void)parse_flow_count(message);
        (void)parse_local_socket(message);
    });
    return 0;
}
