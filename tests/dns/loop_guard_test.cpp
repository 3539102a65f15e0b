#include "dns/core/loop_guard.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

const IpAddress kRouter = IpAddress::v4(10, 0, 0, 1);
const IpAddress kClient = IpAddress::v4(10, 0, 0, 50);

class LoopGuardTest : public testing::Test {
protected:
    bool is_loop(const IpAddress& client, std::optional<ByteView> tag = {}) {
        return guard.is_loop(qname, RrType::kA, client, tag, now);
    }

    LoopGuard guard{7};
    Name qname = *Name::parse("www.example");
    TimePoint now{1h};
};

TEST_F(LoopGuardTest, ATagOfOursProvesItWhoeverSendsIt) {
    const auto tag = guard.tag_for(kRouter);
    EXPECT_TRUE(is_loop(kClient, tag));
    EXPECT_TRUE(guard.is_looping(kRouter, now));
    EXPECT_FALSE(guard.is_looping(kClient, now));
    EXPECT_TRUE(guard.is_looping(kRouter, now + LoopGuard::kMemory - 1ns));
    EXPECT_FALSE(guard.is_looping(kRouter, now + LoopGuard::kMemory));
}

TEST_F(LoopGuardTest, AnotherHomesTagProvesNothing) {
    const LoopGuard neighbours(8);
    EXPECT_FALSE(is_loop(kClient, neighbours.tag_for(kRouter)));
    EXPECT_FALSE(is_loop(kClient, ByteView{}));
}

TEST_F(LoopGuardTest, TheSameQuestionFromWhereItWasSentIsSuspectedTwice) {
    EXPECT_FALSE(is_loop(kRouter));
    guard.sent(qname, RrType::kA, kRouter);
    EXPECT_FALSE(is_loop(kClient));
    EXPECT_FALSE(guard.is_loop(qname, RrType::kAaaa, kRouter, {}, now));
    EXPECT_TRUE(is_loop(kRouter));
    EXPECT_FALSE(guard.is_looping(kRouter, now));
    now += 11s;
    EXPECT_TRUE(is_loop(kRouter));
    EXPECT_FALSE(guard.is_looping(kRouter, now)) << "too long ago to count";
    now += 1s;
    EXPECT_TRUE(is_loop(kRouter));
    EXPECT_TRUE(guard.is_looping(kRouter, now));
    guard.done(qname, RrType::kA, kRouter);
    EXPECT_FALSE(is_loop(kRouter));
}

TEST_F(LoopGuardTest, ProgramsOnThisMachineAreNoRouters) {
    const IpAddress here = IpAddress::v4(127, 0, 0, 1);
    guard.sent(qname, RrType::kA, here);
    EXPECT_FALSE(is_loop(here));
}

TEST_F(LoopGuardTest, OnlyTheHouseSeesTheTag) {
    EXPECT_TRUE(LoopGuard::wants_tag(kRouter));
    EXPECT_TRUE(LoopGuard::wants_tag(*IpAddress::parse("fe80::1")));
    EXPECT_FALSE(LoopGuard::wants_tag(IpAddress::v4(9, 9, 9, 9)));
    EXPECT_FALSE(LoopGuard::wants_tag(*IpAddress::parse("2620:fe::fe")));
}

TEST_F(LoopGuardTest, RemembersOnlySoManyAndForgetsNoneOfThose) {
    for (std::uint8_t i = 1; i < 40; ++i)
        EXPECT_TRUE(is_loop(kClient, guard.tag_for(IpAddress::v4(10, 0, 1, i))));
    EXPECT_TRUE(guard.is_looping(IpAddress::v4(10, 0, 1, 1), now));
    EXPECT_FALSE(guard.is_looping(IpAddress::v4(10, 0, 1, 39), now));
}

}  // namespace
}  // namespace hearth::dns
