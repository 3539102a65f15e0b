#include "dns/io/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/file_descriptor.h"

namespace hearth::dns {

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
    // O_NONBLOCK: a pipe in the file's place is found to be none, and does not block.
    const runtime::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        auto error = Error::from_errno(path, errno);
        if (errno == ENOENT) error.code = Errc::kNotFound;
        return fail(std::move(error));
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail(Error::from_errno(path, errno));
    if (!S_ISREG(status.st_mode)) return fail(Errc::kInvalid, path, "not a regular file");
    std::string text;
    std::array<char, 64U << 10> piece;
    while (true) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(Error::from_errno(path, errno));
        if (got == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > limit)
            return fail(Errc::kTooLarge, path,
                        "larger than " + std::to_string(limit >> 20) + " MiB");
    }
}

}  // namespace hearth::dns
