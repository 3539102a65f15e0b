#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>
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

// Whether a file is what comes piece by piece.
class ContentComparison {
public:
    explicit ContentComparison(FileReader file) : file_(std::move(file)) {}

    // False also when the file cannot be read.
    [[nodiscard]] bool continues_with(ByteView bytes);
    [[nodiscard]] bool ends();

private:
    [[nodiscard]] bool refill();

    FileReader file_;
    ByteView rest_;
};

// False also when it cannot be read.
[[nodiscard]] bool has_content(const std::filesystem::path& path, ByteView bytes);

}  // namespace hearth::dns
