#include "runtime/file_descriptor.h"

#include <unistd.h>

namespace hearth::runtime {

void FileDescriptor::reset(int fd) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

}  // namespace hearth::runtime
