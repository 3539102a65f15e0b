#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/file_descriptor.h"

namespace hearth::dns {

// Reads a regular file from its beginning, piece by piece.
class FileReader {
public:
    [[nodiscard]] static Result<FileReader> open(const std::filesystem::path& path);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }  // when it was opened
    // The next piece, empty at the end; valid until the next call.
    [[nodiscard]] Result<ByteView> next();

private:
    FileReader(runtime::FileDescriptor fd, std::filesystem::path path, std::uint64_t size);

    runtime::FileDescriptor fd_;
    std::filesystem::path path_;
    std::uint64_t size_;
    std::vector<std::uint8_t> buffer_;
};

// False also when one of them cannot be read.
[[nodiscard]] bool same_content(const std::filesystem::path& a, const std::filesystem::path& b);
[[nodiscard]] bool has_content(const std::filesystem::path& path, ByteView bytes);

}  // namespace hearth::dns
