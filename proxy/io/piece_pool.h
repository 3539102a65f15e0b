#pragma once

#include <array>
#include <cstddef>

namespace hearth::proxy {

// Memory in pieces of a few sizes for the many small things that come and go with a request, the
// one used last handed out first. Larger ones are malloc's, and the largest, of which mostly the
// beginning is used, have pages of their own: those count once they are written. One per worker;
// outlives its pieces.
class PiecePool {
public:
    static constexpr std::size_t kLargest = 1024;
    static constexpr std::size_t kKept = 256;  // of a size, while nobody needs them
    static constexpr std::size_t kOwnPages = 16 * 1024;

    PiecePool() = default;
    PiecePool(const PiecePool&) = delete;
    PiecePool& operator=(const PiecePool&) = delete;
    ~PiecePool();

    // As malloc, realloc and free do, with nullptr as they have it.
    [[nodiscard]] void* take(std::size_t octets) noexcept;
    [[nodiscard]] void* resize(void* piece, std::size_t octets) noexcept;
    void give_back(void* piece) noexcept;

private:
    static constexpr std::size_t kStep = 64;
    static constexpr std::size_t kSizes = kLargest / kStep;

    // Ahead of each piece.
    struct alignas(std::max_align_t) Head {
        std::size_t room;  // behind it
        Head* next;        // of those that are free
    };
    struct Free {
        Head* first = nullptr;
        std::size_t count = 0;
    };

    [[nodiscard]] Free& free_of(std::size_t room) noexcept { return free_[room / kStep - 1]; }

    std::array<Free, kSizes> free_{};
};

}  // namespace hearth::proxy
