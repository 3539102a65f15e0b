#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/atomic_file.h"

namespace hearth::dns {

struct ListLimits {
    std::size_t max_bytes = 128U << 20;                   // of text, after decompression
    std::string_view setting = "blocking.max_list_size";  // where the limit is written
};

// The text of a list on its way to become the last good copy. It is inspected as it comes, so that
// commit() can refuse what is no list: an empty file, a web page, a list that ends long before
// the number of entries its own head announces. What is compressed (gzip) is expanded. Until
// commit() the old copy stands.
class ListCandidate {
public:
    // What is beyond the limits is refused by write().
    [[nodiscard]] static Result<ListCandidate> create(const std::filesystem::path& copy,
                                                      const ListLimits& limits);
    ListCandidate(ListCandidate&&) noexcept;
    ListCandidate& operator=(ListCandidate&&) = delete;
    ~ListCandidate();

    [[nodiscard]] Result<void> write(ByteView bytes);
    [[nodiscard]] Result<void> commit();

private:
    struct Inspection;
    ListCandidate(runtime::AtomicFile file, const ListLimits& limits);
    [[nodiscard]] Result<void> take_text(ByteView text);

    runtime::AtomicFile file_;
    ListLimits limits_;
    std::size_t size_ = 0;
    std::unique_ptr<Inspection> inspection_;
};

enum class CopyChange : std::uint8_t { kSame, kNew };

// Makes `copy` the text of the file `source`; does not write when it is that already. Compressed
// ones are expanded again when they are newer than their copy.
[[nodiscard]] Result<CopyChange> copy_list_file(const std::filesystem::path& source,
                                                const std::filesystem::path& copy,
                                                const ListLimits& limits);

}  // namespace hearth::dns
