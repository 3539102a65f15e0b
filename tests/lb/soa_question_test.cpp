#include "lb/core/soa_question.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(SoaQuestion, AsksForTheDomainsOwnSoa) {
    const Bytes expected{0x12, 0x34, 0,   0,   0,   1,   0, 0, 0, 0, 0,
                         0,    4,    'h', 'o', 'm', 'e', 0, 0, 6, 0, 1};
    EXPECT_EQ(write_soa_question(0x1234, *Name::parse("home")), expected);
}

TEST(SoaQuestion, AcceptsOnlyAPositiveAnswerToIt) {
    const Bytes good{0x12, 0x34, 0x84, 0, 0, 1, 0, 1};
    EXPECT_TRUE(is_soa_answer(good, 0x1234));
    EXPECT_FALSE(is_soa_answer(good, 0x1235));
    const std::pair<std::size_t, std::uint8_t> changes[] = {
        {2, 0x04},  // a question
        {3, 2},     // SERVFAIL
        {3, 5},     // REFUSED
        {7, 0},     // no answer
    };
    for (const auto& [offset, value] : changes) {
        Bytes bad = good;
        bad[offset] = value;
        EXPECT_FALSE(is_soa_answer(bad, 0x1234)) << offset;
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(is_soa_answer(ByteView(good).first(size), 0x1234)) << size;
}

TEST(SoaQuestion, OtherServersMayAskFurtherAndMayNotHaveTheName) {
    const Name name = *Name::parse("example.com");
    auto message = write_soa_question(7, name, SoaServer::kOther);
    EXPECT_EQ(message[2], 0x01) << "recursion desired";
    message[2] = 0x81;
    for (const auto& [rcode, is_good] : {std::pair{0, true}, {3, true}, {2, false}, {5, false}}) {
        message[3] = static_cast<std::uint8_t>(rcode);
        EXPECT_EQ(is_soa_answer(message, 7, SoaServer::kOther), is_good) << rcode;
    }
    EXPECT_FALSE(is_soa_answer(message, 8, SoaServer::kOther));
}

}  // namespace
}  // namespace hearth::lb
