#include "lb/io/ipv6_forwarding.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "runtime/file_descriptor.h"

namespace hearth::lb {
namespace {

constexpr std::string_view kSettings = "/proc/sys/net/ipv6/conf/";

char read_setting(const std::string& path) {
    const runtime::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char value = 0;
    return file && read(file.get(), &value, 1) == 1 ? value : '\0';
}

Result<void> set(const std::string& name, char wanted) {
    const std::string path = std::string(kSettings) + name;
    if (read_setting(path) == wanted) return {};
    const runtime::FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file && write(file.get(), &wanted, 1) == 1) return {};
    Error error = Error::from_errno("net.ipv6.conf." + name, errno);
    error.detail += "; set it in /etc/sysctl.d to " + std::string(1, wanted);
    return fail(std::move(error));
}

}  // namespace

Result<void> forward_ipv6(const std::string& interface) {
    if (auto done = set(interface + "/accept_ra", '2'); !done) return done;
    return set("all/forwarding", '1');
}

}  // namespace hearth::lb
