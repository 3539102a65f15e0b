#include "dns/lists/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hearth::dns {
namespace {

constexpr std::size_t kPiece = 64 << 10;

}  // namespace

FileReader::FileReader(runtime::FileDescriptor fd, std::filesystem::path path, std::uint64_t size)
    : fd_(std::move(fd)), path_(std::move(path)), size_(size), buffer_(kPiece) {}

Result<FileReader> FileReader::open(const std::filesystem::path& path) {
    // Without O_NONBLOCK a FIFO would hold us here.
    runtime::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!fd || ::fstat(fd.get(), &about) != 0) return fail(Error::from_errno(path.string(), errno));
    if (!S_ISREG(about.st_mode)) return fail(Errc::kInvalid, path.string(), "not a regular file");
    return FileReader(std::move(fd), path, static_cast<std::uint64_t>(about.st_size));
}

Result<ByteView> FileReader::next() {
    while (true) {
        const ssize_t n = ::read(fd_.get(), buffer_.data(), buffer_.size());
        if (n >= 0) return ByteView(buffer_).first(static_cast<std::size_t>(n));
        if (errno != EINTR) return fail(Error::from_errno(path_.string(), errno));
    }
}

bool ContentComparison::refill() {
    if (!rest_.empty()) return true;
    const auto piece = file_.next();
    if (!piece) return false;
    rest_ = *piece;
    return true;
}

bool ContentComparison::continues_with(ByteView bytes) {
    while (!bytes.empty()) {
        if (!refill() || rest_.empty()) return false;
        const auto ours = rest_.first(std::min(rest_.size(), bytes.size()));
        if (!std::equal(ours.begin(), ours.end(), bytes.begin())) return false;
        rest_ = rest_.subspan(ours.size());
        bytes = bytes.subspan(ours.size());
    }
    return true;
}

bool ContentComparison::ends() { return refill() && rest_.empty(); }

bool has_content(const std::filesystem::path& path, ByteView bytes) {
    auto reader = FileReader::open(path);
    if (!reader || reader->size() != bytes.size()) return false;
    ContentComparison comparison(std::move(*reader));
    return comparison.continues_with(bytes) && comparison.ends();
}

}  // namespace hearth::dns
