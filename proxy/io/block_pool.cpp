#include "proxy/io/block_pool.h"

#include <cstring>

namespace hearth::proxy {

char* BlockPool::take() {
    if (free_.empty()) return new char[kBlock];
    char* const block = free_.back().release();
    free_.pop_back();
    return block;
}

void BlockPool::give_back(char* block) noexcept {
    std::unique_ptr<char[]> owned(block);
    if (free_.size() < kKept) free_.push_back(std::move(owned));
}

void Buffer::compact() noexcept {
    if (begin_ == 0) return;
    std::memmove(block_, block_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

}  // namespace hearth::proxy
