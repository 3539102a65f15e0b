#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/atomic_file.h"

namespace hearth::dns {

// The text of a list on its way to become the last good copy. It is inspected as it comes, so that
// commit() can refuse what is no list: an empty file, a web page, a list that ends long before
// the number of entries its own head announces. Until commit() the old copy stands.
class ListCandidate {
public:
    // `max_bytes` of text; more is refused by write().
    [[nodiscard]] static Result<ListCandidate> create(const std::filesystem::path& copy,
                                                      std::size_t max_bytes);
    ListCandidate(ListCandidate&&) noexcept;
    ListCandidate& operator=(ListCandidate&&) = delete;
    ~ListCandidate();

    [[nodiscard]] Result<void> write(ByteView bytes);
    [[nodiscard]] Result<void> commit();

private:
    struct Inspection;
    ListCandidate(runtime::AtomicFile file, std::size_t max_bytes);

    runtime::AtomicFile file_;
    std::size_t max_bytes_;
    std::size_t size_ = 0;
    std::unique_ptr<Inspection> inspection_;
};

enum class CopyChange : std::uint8_t { kSame, kNew };

// Makes `copy` the text of the file `source`; does not write when it is that already.
[[nodiscard]] Result<CopyChange> copy_list_file(const std::filesystem::path& source,
                                                const std::filesystem::path& copy,
                                                std::size_t max_bytes);

}  // namespace hearth::dns
