#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace hearth::proxy {

// Memory in blocks of one size, the one used last handed out first. One per worker.
class BlockPool {
public:
    // Seven records of TLS to a call and to a wake-up of the reader, and just less than what malloc
    // would ask the kernel for each time.
    static constexpr std::size_t kBlock = 112 * 1024;

    [[nodiscard]] char* take();
    void give_back(char* block) noexcept;
    // Now and then: frees what nobody has needed since the last time, but for a few. How many.
    std::size_t trim() noexcept;

    static constexpr std::size_t kKept = 64;

private:
    std::vector<std::unique_ptr<char[]>> free_;
    std::size_t least_free_ = 0;  // since the last trim()
};

// Octets read and not yet used up, in one block; no block while there is no need of one.
// What it holds does not move until it was emptied or compact() is called.
class Buffer {
public:
    explicit Buffer(BlockPool& pool) noexcept : pool_(&pool) {}
    ~Buffer() { release(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::span<char> bytes() noexcept { return {block_ + begin_, end_ - begin_}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {block_ + begin_, end_ - begin_};
    }
    // Where to read more to; takes a block if there is none. Empty when it is full.
    [[nodiscard]] std::span<char> room() {
        acquire();
        return {block_ + end_, BlockPool::kBlock - end_};
    }
    // All of it, for something else than reading.
    [[nodiscard]] std::span<char> whole() {
        acquire();
        return {block_, BlockPool::kBlock};
    }
    void filled(std::size_t octets) noexcept { end_ += octets; }
    void consume(std::size_t octets) noexcept {
        begin_ += octets;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    void compact() noexcept;
    // Forgets what it holds.
    void release() noexcept {
        if (block_ != nullptr) pool_->give_back(block_);
        block_ = nullptr;
        begin_ = end_ = 0;
    }

private:
    void acquire() {
        if (block_ == nullptr) block_ = pool_->take();
    }

    BlockPool* pool_;
    char* block_ = nullptr;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace hearth::proxy
