#include "proxy/core/trace_context.h"

#include <gtest/gtest.h>

#include <set>

namespace hearth::proxy {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string with(std::size_t at, std::string_view text) {
    std::string changed(kGood);
    return changed.replace(at, text.size(), text);
}

TEST(TraceParent, IsReadAsTheRecommendationHasIt) {
    const auto parent = parse_traceparent(kGood);
    ASSERT_TRUE(parent);
    EXPECT_EQ(parent->trace, (TraceId{0x0af7651916cd43ddU, 0x8448eb211c80319cU}));
    EXPECT_EQ(parent->span, 0xb7ad6b7169203331U);
    EXPECT_EQ(parent->sampling, Sampling::kRecorded);
}

TEST(TraceParent, OnlyTheSampledFlagCounts) {
    EXPECT_EQ(parse_traceparent(with(53, "00"))->sampling, Sampling::kDropped);
    EXPECT_EQ(parse_traceparent(with(53, "fe"))->sampling, Sampling::kDropped);
    EXPECT_EQ(parse_traceparent(with(53, "ff"))->sampling, Sampling::kRecorded);
}

TEST(TraceParent, ALaterVersionMayHaveMore) {
    EXPECT_TRUE(parse_traceparent(with(0, "cc")));
    EXPECT_TRUE(parse_traceparent(with(0, "cc") + "-what-the-future-will-be-like"));
    EXPECT_FALSE(parse_traceparent(with(0, "cc") + ".what"));
    EXPECT_FALSE(parse_traceparent(std::string(kGood) + "-what"));
    EXPECT_FALSE(parse_traceparent(std::string(kGood) + "-"));
}

TEST(TraceParent, MalformedOnesAreNone) {
    for (const std::string& bad :
         {std::string(), std::string(kGood.substr(0, 54)), with(0, "ff"), with(0, "0x"),
          with(3, "00000000000000000000000000000000"), with(36, "0000000000000000"),
          with(3, "0AF7651916CD43DD8448EB211C80319C"), with(2, "_"), with(35, "_"), with(52, "_"),
          with(53, "0g"), with(3, ".")}) {
        EXPECT_FALSE(parse_traceparent(bad)) << bad;
    }
}

TEST(TraceParent, EachPrefixOfOneIsNone) {
    for (std::size_t size = 0; size < kGood.size(); ++size)
        EXPECT_FALSE(parse_traceparent(kGood.substr(0, size))) << size;
}

TEST(TraceParent, WhatIsWrittenIsRead) {
    const TraceParent parent{{0, 1}, 0xfedcba9876543210U, Sampling::kRecorded};
    const auto text = write_traceparent(parent);
    EXPECT_EQ(std::string_view(text.data(), text.size()),
              "00-00000000000000000000000000000001-fedcba9876543210-01");
    EXPECT_EQ(parse_traceparent({text.data(), text.size()}), parent);
}

TEST(TraceParent, SeveralFieldsAreNone) {
    HeaderTable headers;
    headers.add({"TraceParent", kGood, HeaderId::kOther});
    EXPECT_TRUE(traceparent_of(headers));
    headers.add({"traceparent", kGood, HeaderId::kOther});
    EXPECT_FALSE(traceparent_of(headers));
}

TEST(TraceIdSource, GivesIdsOnceAndSharesAsAsked) {
    TraceIdSource source(7);
    std::set<std::uint64_t> seen;
    unsigned recorded = 0;
    for (int i = 0; i < 10'000; ++i) {
        const TraceId trace = source.next_trace();
        EXPECT_TRUE(trace.is_set());
        EXPECT_TRUE(seen.insert(trace.low).second);
        if (source.sample(2'500) == Sampling::kRecorded) ++recorded;
        EXPECT_EQ(source.sample(0), Sampling::kDropped);
        EXPECT_EQ(source.sample(10'000), Sampling::kRecorded);
    }
    EXPECT_NEAR(recorded, 2'500, 200);
}

}  // namespace
}  // namespace hearth::proxy
