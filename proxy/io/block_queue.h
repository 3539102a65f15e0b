#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/io/block_pool.h"

namespace hearth::proxy {

// Octets that arrived before anybody could take them, in blocks of a pool; none while it is empty.
class BlockQueue {
public:
    explicit BlockQueue(BlockPool& pool) noexcept : pool_(pool) {}

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void append(std::string_view octets);
    // Moves octets to `room`; how many.
    [[nodiscard]] std::size_t take(std::span<char> room) noexcept;

private:
    BlockPool& pool_;
    std::list<Buffer> blocks_;
    std::size_t size_ = 0;
};

}  // namespace hearth::proxy
