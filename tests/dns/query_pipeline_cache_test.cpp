#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns {
namespace {

using test::Ask;
using test::PipelineTest;
using Records = std::vector<std::string>;

class PipelineCacheTest : public PipelineTest {
protected:
    PipelineCacheTest() {
        snapshot.cache.stale_for = 24h;
        snapshot.cache.prefetch = true;
    }

    // Asks, lets the upstream say `record`, and forgets what was sent.
    void learn(const Ask& question, const std::string& said) {
        (void)query(question);
        answer(sent.back(), {.answers = {said}});
        sent.clear();
        replies.clear();
    }
    void run_for(Duration duration) {
        const TimePoint end = now + duration;
        while (pipeline.next_deadline() <= end) run_to_deadline();
        now = end;
    }

    const Ask www{.name = "www.example."};
    const std::string record = "www.example. 300 IN A 192.0.2.1";
};

TEST_F(PipelineCacheTest, AStaleAnswerStandsInAfterTheClientsPatience) {
    learn(www, record);
    now += 301s;
    EXPECT_FALSE(query(www).valid) << "a fresh answer is asked for first";
    EXPECT_GE(sent.size(), 1U);
    run_for(1790ms);
    EXPECT_TRUE(replies.empty());
    run_for(20ms);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(reply().answers, Records{"www.example. 30 IN A 192.0.2.1"});
    EXPECT_TRUE(logged().back().outcome.is_stale);
    EXPECT_EQ(logged().back().outcome.ede, EdeCode::kStaleAnswer);
    EXPECT_EQ(tally.cache_stale.value(), 1U);

    // The answer that comes after all is kept, and told to nobody twice.
    answer(sent.back(), {.answers = {"www.example. 300 IN A 192.0.2.2"}});
    EXPECT_EQ(replies.size(), 1U);
    EXPECT_EQ(query(www).answers, Records{"www.example. 300 IN A 192.0.2.2"});
}

TEST_F(PipelineCacheTest, DeadUpstreamsAreLeftAloneForAWhile) {
    learn(www, record);
    now += 301s;
    (void)query(www);
    run_for(10s);
    ASSERT_EQ(replies.size(), 1U);
    sent.clear();
    EXPECT_EQ(query(www).answers, Records{"www.example. 30 IN A 192.0.2.1"}) << "at once";
    EXPECT_TRUE(sent.empty());
    now += 31s;
    (void)query(www);
    EXPECT_FALSE(sent.empty()) << "asked again";
}

TEST_F(PipelineCacheTest, AFailureDoesNotReplaceAStaleAnswer) {
    learn(www, record);
    now += 301s;
    (void)query(www);
    answer(sent[0], {.rcode = "SERVFAIL"});
    answer(sent[1], {.rcode = "SERVFAIL"});
    EXPECT_EQ(reply().answers, Records{"www.example. 30 IN A 192.0.2.1"});
    sent.clear();
    EXPECT_TRUE(query(www).valid);
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineCacheTest, OurCnameToAStaleAnswer) {
    learn({.name = "web.home."}, record);
    now += 301s;
    (void)query({.name = "web.home."});
    run_for(2s);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(reply().answers,
              (Records{"web.home. 60 IN CNAME www.example.", "www.example. 30 IN A 192.0.2.1"}));
}

TEST_F(PipelineCacheTest, StaleAnswersEnd) {
    learn(www, record);
    now += 24h + 301s;
    (void)query(www);
    run_for(10s);
    EXPECT_EQ(reply().rcode, "SERVFAIL");
}

TEST_F(PipelineCacheTest, WithoutServeStaleTheFailureIsTold) {
    snapshot.cache.stale_for = Duration::zero();
    learn(www, record);
    now += 301s;
    (void)query(www);
    run_for(10s);
    EXPECT_EQ(reply().rcode, "SERVFAIL");
}

TEST_F(PipelineCacheTest, ANameBlockedSinceIsNotServedStale) {
    learn({.name = "good.ads.example."}, "good.ads.example. 300 IN A 192.0.2.1");
    now += 301s;
    (void)query({.name = "good.ads.example."});
    snapshot.blocking.allow = nullptr;
    ++snapshot.generation;
    run_for(10s);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(reply().rcode, "SERVFAIL");
}

TEST_F(PipelineCacheTest, WhatIsAskedOftenIsAskedAgainBeforeItsEnd) {
    learn(www, record);
    for (int i = 0; i < 5; ++i) (void)query(www);
    EXPECT_TRUE(sent.empty()) << "not before the last tenth";
    now += 275s;
    EXPECT_EQ(query(www).answers, Records{"www.example. 25 IN A 192.0.2.1"});
    ASSERT_EQ(sent.size(), 1U);
    (void)query(www);
    EXPECT_EQ(sent.size(), 1U) << "once";
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.2"}});
    EXPECT_TRUE(replies.empty());
    EXPECT_EQ(query(www).answers, Records{"www.example. 300 IN A 192.0.2.2"});
    EXPECT_EQ(tally.cache_prefetches.value(), 1U);
}

TEST_F(PipelineCacheTest, WhatIsAskedSeldomIsNotPrefetched) {
    learn(www, record);
    now += 275s;
    (void)query(www);
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineCacheTest, AFailedPrefetchLeavesTheAnswerInPlace) {
    learn(www, record);
    for (int i = 0; i < 5; ++i) (void)query(www);
    now += 275s;
    (void)query(www);
    run_for(10s);
    EXPECT_TRUE(replies.empty());
    EXPECT_EQ(query(www).answers, Records{"www.example. 15 IN A 192.0.2.1"});
}

TEST_F(PipelineCacheTest, APrefetchedAnswerIsJudgedForWhoAskedForIt) {
    learn(www, record);
    for (int i = 0; i < 5; ++i) (void)query(www);
    now += 275s;
    (void)query(www);
    answer(sent[0], {.answers = {"www.example. 300 IN CNAME ads.example.",
                                 "ads.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(query(www).answers, Records{"www.example. 10 IN A 0.0.0.0"});
}

TEST_F(PipelineCacheTest, TtlsHaveTheFloorAndTheCapOfTheDocument) {
    snapshot.cache.ttl.ttl_floor = 60;
    snapshot.cache.ttl.ttl_cap = 3600;
    learn({.name = "short.example."}, "short.example. 1 IN A 192.0.2.1");
    learn({.name = "long.example."}, "long.example. 86400 IN A 192.0.2.1");
    now += 50s;
    EXPECT_EQ(query({.name = "short.example."}).answers,
              Records{"short.example. 10 IN A 192.0.2.1"});
    EXPECT_EQ(query({.name = "long.example."}).answers,
              Records{"long.example. 3600 IN A 192.0.2.1"});
    now += 3600s;
    (void)query({.name = "long.example."});
    EXPECT_FALSE(sent.empty()) << "kept for the cap only";
}

}  // namespace
}  // namespace hearth::dns
