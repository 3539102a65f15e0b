#include "proxy/io/block_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::proxy {
namespace {

TEST(BlockPool, FreesWhatNobodyNeedsAnyMore) {
    constexpr std::size_t kMany = BlockPool::kKept + 100;
    BlockPool pool;
    std::vector<char*> taken(kMany);
    for (char*& block : taken) block = pool.take();
    EXPECT_EQ(pool.trim(), 0U);
    for (char* block : taken) pool.give_back(block);
    EXPECT_EQ(pool.trim(), 0U) << "they were needed";
    for (int i = 0; i < 10; ++i) pool.give_back(pool.take());
    EXPECT_EQ(pool.trim(), 99U) << "one was needed since";
    EXPECT_EQ(pool.trim(), 1U);
    EXPECT_EQ(pool.trim(), 0U);
}

TEST(BlockPool, HandsOutTheLastFirst) {
    BlockPool pool;
    char* const first = pool.take();
    char* const second = pool.take();
    pool.give_back(first);
    pool.give_back(second);
    EXPECT_EQ(pool.take(), second);
    EXPECT_EQ(pool.take(), first);
    pool.give_back(first);
    pool.give_back(second);
}

}  // namespace
}  // namespace hearth::proxy
