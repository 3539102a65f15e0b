#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <cstring>
#include <vector>

// Each message of a datagram from the kernel, as mnl_cb_run finds them. A copy of the exact size
// shows who reads past its end.
template <class Each>
void each_message(const std::uint8_t* data, std::size_t size, Each each) {
    std::vector<std::uint8_t> datagram(data, data + size);  // aligned as any allocation
    datagram.resize((size + 3) / 4 * 4);                    // as a message's end is
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_len > size) return;  // which libmnl takes for a negative number
        each(message);
    }
}
