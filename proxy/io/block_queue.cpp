#include "proxy/io/block_queue.h"

#include <algorithm>

namespace hearth::proxy {

void BlockQueue::append(std::string_view octets) {
    size_ += octets.size();
    while (!octets.empty()) {
        if (blocks_.empty() || blocks_.back().room().empty()) blocks_.emplace_back(pool_);
        const std::span<char> room = blocks_.back().room();
        const std::size_t fits = std::min(room.size(), octets.size());
        std::copy_n(octets.data(), fits, room.data());
        blocks_.back().filled(fits);
        octets.remove_prefix(fits);
    }
}

std::size_t BlockQueue::take(std::span<char> room) noexcept {
    std::size_t taken = 0;
    while (taken < room.size() && !blocks_.empty()) {
        Buffer& block = blocks_.front();
        const std::size_t fits = std::min(room.size() - taken, block.bytes().size());
        std::copy_n(block.bytes().data(), fits, room.data() + taken);
        block.consume(fits);
        taken += fits;
        if (block.empty()) blocks_.pop_front();
    }
    size_ -= taken;
    return taken;
}

}  // namespace hearth::proxy
