#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {

// Replaces a file so that a reader, or a power failure, sees the old content or the new, never a
// part. A full disk or any other error leaves the old file as it was and no temporary one. Not for
// two writers of the same file at a time. Blocks; no event loop should do this with big files.
class AtomicFile {
public:
    // Makes `.<name>.new` beside `path`.
    [[nodiscard]] static Result<AtomicFile> create(std::filesystem::path path, mode_t mode = 0644);
    AtomicFile(AtomicFile&&) noexcept = default;
    AtomicFile& operator=(AtomicFile&&) noexcept = delete;
    ~AtomicFile();  // without commit(): the old file stays

    [[nodiscard]] Result<void> write(ByteView bytes);
    // fsync, rename, fsync of the directory.
    [[nodiscard]] Result<void> commit();

private:
    AtomicFile(FileDescriptor fd, std::filesystem::path path, std::filesystem::path temporary);
    FileDescriptor fd_;
    std::filesystem::path path_;
    std::filesystem::path temporary_;
};

[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path, ByteView bytes,
                                                 mode_t mode = 0644);

}  // namespace hearth::runtime
