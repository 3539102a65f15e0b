#include "runtime/socket_store.h"

#include <sys/mman.h>

#include <algorithm>

#include "runtime/socket_address.h"
#include "runtime/systemd.h"

namespace hearth::runtime {

SocketStore::SocketStore() {
    for (auto& [name, fd] : take_descriptors_from_systemd()) left_.emplace(name, std::move(fd));
}

std::string SocketStore::name_of(std::string_view purpose, const Endpoint& local,
                                 std::size_t worker) {
    std::string name = std::string(purpose) + "-" + local.address.to_string() + "-" +
                       std::to_string(local.port) + "-" + std::to_string(worker);
    std::replace(name.begin(), name.end(), ':', '_');  // ends a name for systemd
    return name;
}

std::optional<FileDescriptor> SocketStore::take(const std::string& name, const Endpoint& local) {
    const auto found = left_.find(name);
    if (found == left_.end()) return std::nullopt;
    FileDescriptor fd = std::move(found->second);
    left_.erase(found);
    if (local_endpoint(fd.get()) == local) return fd;
    remove_from_systemd(name);
    return std::nullopt;
}

FileDescriptor SocketStore::memory(const std::string& name) {
    if (const auto found = left_.find(name); found != left_.end()) {
        FileDescriptor fd = std::move(found->second);
        left_.erase(found);
        return fd;
    }
    FileDescriptor fd(memfd_create(name.c_str(), MFD_CLOEXEC));
    if (fd) keep(name, fd.get());
    return fd;
}

void SocketStore::keep(const std::string& name, int fd) { keep_in_systemd(name, fd); }

void SocketStore::forget(const std::string& name) { remove_from_systemd(name); }

void SocketStore::forget_the_rest() {
    for (const auto& [name, fd] : left_) remove_from_systemd(name);
    left_.clear();
}

}  // namespace hearth::runtime
