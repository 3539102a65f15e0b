#include "runtime/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace hearth::runtime {

namespace {

tl::unexpected<Error> cannot_write(const std::filesystem::path& path, int errnum) {
    if (errnum == ENOSPC || errnum == EDQUOT) {
        return fail(Errc::kUnavailable, path.string(),
                    "no space left on its file system; the old content stays in force");
    }
    return fail(Error::from_errno(path.string(), errnum));
}

}  // namespace

AtomicFile::AtomicFile(FileDescriptor fd, std::filesystem::path path,
                       std::filesystem::path temporary)
    : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}

AtomicFile::~AtomicFile() {
    if (fd_) ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(std::filesystem::path path, mode_t mode) {
    std::filesystem::path temporary =
        path.parent_path() / ("." + path.filename().string() + ".new");
    FileDescriptor fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return cannot_write(temporary, errno);
    ::fchmod(fd.get(), mode);  // whatever the umask says
    return AtomicFile(std::move(fd), std::move(path), std::move(temporary));
}

Result<void> AtomicFile::write(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_write(path_, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> AtomicFile::commit() {
    if (::fsync(fd_.get()) != 0) return cannot_write(path_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return cannot_write(path_, errno);
    fd_.reset();
    const std::filesystem::path parent = path_.parent_path();
    const FileDescriptor directory(
        ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return cannot_write(path_, errno);
    return {};
}

Result<void> write_file_atomically(const std::filesystem::path& path, ByteView bytes, mode_t mode) {
    auto file = AtomicFile::create(path, mode);
    if (!file) return fail(std::move(file.error()));
    if (auto written = file->write(bytes); !written) return written;
    return file->commit();
}

}  // namespace hearth::runtime
