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

bool has_content(const std::filesystem::path& path, ByteView bytes) {
    auto reader = FileReader::open(path);
    if (!reader || reader->size() != bytes.size()) return false;
    while (true) {
        const auto piece = reader->next();
        if (!piece || piece->size() > bytes.size()) return false;
        if (piece->empty()) return bytes.empty();
        if (!std::equal(piece->begin(), piece->end(), bytes.begin())) return false;
        bytes = bytes.subspan(piece->size());
    }
}

bool same_content(const std::filesystem::path& a, const std::filesystem::path& b) {
    auto left = FileReader::open(a);
    auto right = FileReader::open(b);
    if (!left || !right || left->size() != right->size()) return false;
    ByteView ours;
    ByteView theirs;
    while (true) {
        if (ours.empty()) {
            const auto piece = left->next();
            if (!piece) return false;
            ours = *piece;
        }
        if (theirs.empty()) {
            const auto piece = right->next();
            if (!piece) return false;
            theirs = *piece;
        }
        const std::size_t count = std::min(ours.size(), theirs.size());
        if (count == 0) return ours.size() == theirs.size();
        if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(count),
                        theirs.begin()))
            return false;
        ours = ours.subspan(count);
        theirs = theirs.subspan(count);
    }
}

}  // namespace hearth::dns
