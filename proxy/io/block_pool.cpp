#include "proxy/io/block_pool.h"

#include <algorithm>
#include <cstring>

namespace hearth::proxy {

char* BlockPool::take() {
    if (free_.empty()) return new char[kBlock];
    char* const block = free_.back().release();
    free_.pop_back();
    least_free_ = std::min(least_free_, free_.size());
    return block;
}

void BlockPool::give_back(char* block) noexcept { free_.emplace_back(block); }

std::size_t BlockPool::trim() noexcept {
    const std::size_t spare = least_free_ > kKept ? least_free_ - kKept : 0;
    free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(spare));
    least_free_ = free_.size();
    return spare;
}

void Buffer::compact() noexcept {
    if (begin_ == 0) return;
    std::memmove(block_, block_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

}  // namespace hearth::proxy
