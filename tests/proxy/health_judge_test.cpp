#include "proxy/core/health_judge.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

using Answer = HealthJudge::Answer;

TEST(HealthJudge, TakesFallToGoAndRiseToReturn) {
    HealthCheck check;
    check.rise = 2;
    check.fall = 3;
    HealthJudge judge(check);
    EXPECT_FALSE(judge.report(Answer::kGood));
    EXPECT_FALSE(judge.report(Answer::kBad));
    EXPECT_FALSE(judge.report(Answer::kBad));
    EXPECT_FALSE(judge.report(Answer::kGood)) << "not in a row";
    EXPECT_FALSE(judge.report(Answer::kBad));
    EXPECT_FALSE(judge.report(Answer::kBad));
    EXPECT_TRUE(judge.report(Answer::kBad));
    EXPECT_FALSE(judge.is_up());
    EXPECT_FALSE(judge.report(Answer::kGood));
    EXPECT_TRUE(judge.report(Answer::kGood));
    EXPECT_TRUE(judge.is_up());
}

TEST(HealthJudge, TheFirstAnswerDecides) {
    const HealthCheck usual;
    HealthJudge judge(usual);
    EXPECT_TRUE(judge.report(Answer::kBad));
    EXPECT_FALSE(judge.is_up());
}

}  // namespace
}  // namespace hearth::proxy
