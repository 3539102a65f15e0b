#include "proxy/io/piece_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace hearth::proxy {

namespace {

constexpr std::size_t kTooMuch = std::size_t{1} << 40;

std::size_t rounded_up(std::size_t octets, std::size_t step) noexcept {
    return (std::max<std::size_t>(octets, 1) + step - 1) / step * step;
}

void* map(std::size_t octets) noexcept {
    void* const pages =
        ::mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages != MAP_FAILED ? pages : nullptr;
}

}  // namespace

PiecePool::~PiecePool() {
    for (Free& free : free_) {
        while (Head* const head = free.first) {
            free.first = head->next;
            std::free(head);
        }
    }
}

void* PiecePool::take(std::size_t octets) noexcept {
    if (octets > kTooMuch) return nullptr;
    const std::size_t room = rounded_up(octets, kStep);
    if (room <= kLargest) {
        Free& free = free_of(room);
        if (Head* const head = free.first) {
            free.first = head->next;
            --free.count;
            return head + 1;
        }
    }
    const std::size_t size = sizeof(Head) + room;
    auto* const head = static_cast<Head*>(room >= kOwnPages ? map(size) : std::malloc(size));
    if (head == nullptr) return nullptr;
    head->room = room;
    return head + 1;
}

void PiecePool::give_back(void* piece) noexcept {
    if (piece == nullptr) return;
    Head* const head = static_cast<Head*>(piece) - 1;
    if (head->room >= kOwnPages) {
        ::munmap(head, sizeof(Head) + head->room);
        return;
    }
    if (head->room > kLargest || free_of(head->room).count == kKept) return std::free(head);
    Free& free = free_of(head->room);
    head->next = free.first;
    free.first = head;
    ++free.count;
}

void* PiecePool::resize(void* piece, std::size_t octets) noexcept {
    if (piece == nullptr) return take(octets);
    const std::size_t room = (static_cast<Head*>(piece) - 1)->room;
    if (octets <= room) return piece;
    void* const larger = take(octets);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, piece, room);
    give_back(piece);
    return larger;
}

}  // namespace hearth::proxy
