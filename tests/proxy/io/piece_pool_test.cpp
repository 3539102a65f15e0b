#include "proxy/io/piece_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace hearth::proxy {
namespace {

TEST(PiecePool, HandsOutTheLastOfASizeFirst) {
    PiecePool pool;
    void* const a = pool.take(100);
    void* const b = pool.take(128);
    void* const other = pool.take(129);
    pool.give_back(a);
    pool.give_back(b);
    pool.give_back(other);
    EXPECT_EQ(pool.take(65), b);
    EXPECT_EQ(pool.take(128), a);
    EXPECT_EQ(pool.take(192), other);
    for (void* const piece : {a, b, other}) pool.give_back(piece);
}

TEST(PiecePool, PiecesAreAlignedAndOfTheirSize) {
    PiecePool pool;
    std::vector<void*> taken;
    for (std::size_t octets = 0; octets < 2 * PiecePool::kOwnPages; octets += octets / 64 + 1) {
        void* const piece = pool.take(octets);
        ASSERT_NE(piece, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % alignof(std::max_align_t), 0U);
        std::memset(piece, 'x', octets);  // the sanitizer looks at the end
        taken.push_back(piece);
    }
    for (void* const piece : taken) pool.give_back(piece);
    pool.give_back(nullptr);
}

TEST(PiecePool, KeepsAFewOnly) {
    PiecePool pool;
    std::vector<void*> taken(2 * PiecePool::kKept);
    for (void*& piece : taken) piece = pool.take(10);
    for (void* const piece : taken) pool.give_back(piece);
    EXPECT_EQ(pool.take(10), taken[PiecePool::kKept - 1]) << "those after it were freed";
    pool.give_back(taken[PiecePool::kKept - 1]);
}

TEST(PiecePool, WhatGrowsKeepsItsOctets) {
    PiecePool pool;
    auto* piece = static_cast<char*>(pool.resize(nullptr, 1));
    *piece = 'a';
    for (std::size_t octets = 2; octets < 2 * PiecePool::kOwnPages; ++octets) {
        piece = static_cast<char*>(pool.resize(piece, octets));
        ASSERT_NE(piece, nullptr);
        piece[octets - 1] = static_cast<char>('a' + (octets - 1) % 26);
    }
    piece = static_cast<char*>(pool.resize(piece, 52));
    for (std::size_t i = 0; i < 52; ++i) EXPECT_EQ(piece[i], static_cast<char>('a' + i % 26)) << i;
    pool.give_back(piece);
}

TEST(PiecePool, TooMuchIsRefused) {
    constexpr std::size_t kTooMuch = std::numeric_limits<std::size_t>::max() - 8;
    PiecePool pool;
    EXPECT_EQ(pool.take(kTooMuch), nullptr);
    void* const small = pool.take(8);
    void* const large = pool.take(PiecePool::kLargest + 1);
    EXPECT_EQ(pool.resize(small, kTooMuch), nullptr);
    EXPECT_EQ(pool.resize(large, kTooMuch), nullptr);
    pool.give_back(small);
    pool.give_back(large);
}

}  // namespace
}  // namespace hearth::proxy
