#include "runtime/local_address.h"

#include <sys/socket.h>

#include "runtime/file_descriptor.h"
#include "runtime/socket_address.h"

namespace hearth::runtime {

// The kernel knows best: only addresses of its own can be bound.
bool is_local_address(const IpAddress& address) noexcept {
    const FileDescriptor fd(
        ::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const SocketAddress local = to_socket_address({address, 0});
    return ::bind(fd.get(), &local.any, local.size) == 0;
}

}  // namespace hearth::runtime
