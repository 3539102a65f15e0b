#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {

// Sockets that outlive the process: systemd keeps them while the unit restarts
// (FileDescriptorStoreMax= of systemd.service(5)), so that what arrives meanwhile waits in them
// and nobody is refused. Without systemd nothing is kept. One thread at a time.
class SocketStore {
public:
    // Takes over what the process before this one has left.
    SocketStore();

    // "https-10.0.0.100-443-2": what the socket is for, where, and of which worker.
    [[nodiscard]] static std::string name_of(std::string_view purpose, const Endpoint& local,
                                             std::size_t worker);

    // The socket of that name, if it was left and is still bound there.
    [[nodiscard]] std::optional<FileDescriptor> take(const std::string& name,
                                                     const Endpoint& local);
    // A file in memory of that name: the one that was left, or a new, empty one that is kept.
    // Nothing where there is no memory for it.
    [[nodiscard]] FileDescriptor memory(const std::string& name);
    void keep(const std::string& name, int fd);
    void forget(const std::string& name);
    // Closes what nobody took: nothing would ever be read from it.
    void forget_the_rest();

private:
    std::multimap<std::string, FileDescriptor> left_;
};

}  // namespace hearth::runtime
