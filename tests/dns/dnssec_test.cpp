#include <gtest/gtest.h>

#include "dns/core/dnssec_outcome.h"
#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::DoneErrand;
using test::Packet;
using test::PipelineTest;
using test::say;
using test::see;
using test::SentToResolver;

TEST(Dnssec, TheReasonHasAnErrorOfItsOwn) {
    const std::string_view why =
        "validation failure <www.expired. A IN>: signature expired from 10.0.0.1";
    EXPECT_EQ(bogus_reason(why), "signature expired from 10.0.0.1");
    EXPECT_EQ(bogus_reason("odd"), "odd");
    EXPECT_EQ(bogus_error(bogus_reason(why)), EdeCode::kSignatureExpired);
    EXPECT_EQ(bogus_error("signature before inception date"), EdeCode::kSignatureNotYetValid);
    EXPECT_EQ(bogus_error("No DNSKEY record for key a."), EdeCode::kDnskeyMissing);
    EXPECT_EQ(bogus_error("no signatures"), EdeCode::kRrsigsMissing);
    EXPECT_EQ(bogus_error("nameerror failed nsec"), EdeCode::kNsecMissing);
    EXPECT_EQ(bogus_error("signature crypto failed"), EdeCode::kDnssecBogus);
}

class DnssecTest : public PipelineTest {
protected:
    DnssecTest() {
        snapshot.groups[0].validator.emplace(first, UpstreamProtocol::kValidator, "group 0");
        ++snapshot.generation;
    }
    // What the validator says of the last question.
    void resolved(const test::Say& said, Security security, std::string_view why = {}) {
        const SentToResolver& question = resolving.back();
        const Packet asked = ask(
            {.name = question.question.qname.to_string() + ".", .type = question.question.qtype});
        const Packet packet = say(asked, said);
        pipeline.on_resolved(snapshot, {now, 0}, question.exchange, question.upstream,
                             {packet, security, why});
    }
};

const std::string kSignature =
    "www.example. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA";
const test::Say kSigned{.answers = {"www.example. 300 IN A 192.0.2.80", kSignature}};

TEST_F(DnssecTest, ASecureAnswerIsKeptAndToldToWhoWantsToKnow) {
    (void)query({.name = "www.example.", .dnssec_ok = true});
    ASSERT_TRUE(sent.empty());
    ASSERT_EQ(resolving.size(), 1U);
    resolved(kSigned, Security::kSecure);
    EXPECT_TRUE(reply().ad);
    EXPECT_EQ(reply().answers.size(), 2U);
    EXPECT_TRUE(query({.name = "www.example.", .dnssec_ok = true}).ad) << "from the cache";

    (void)query({.name = "www.example."});
    ASSERT_EQ(resolving.size(), 2U);
    resolved(kSigned, Security::kSecure);
    EXPECT_FALSE(reply(1).ad) << "nobody asked";
    EXPECT_EQ(reply(1).answers, std::vector<std::string>{"www.example. 300 IN A 192.0.2.80"});
    Packet wants = ask({.name = "WWW.example."});
    wants[3] |= 0x20;
    const auto hit = query_raw(wants);
    EXPECT_TRUE(hit.ad);
    EXPECT_EQ(hit.answers.size(), 1U);
    EXPECT_EQ(pipeline.forward().counters().secure, 2U);
}

TEST_F(DnssecTest, AnInsecureAnswerIsAnAnswer) {
    (void)query({.name = "www.example.", .dnssec_ok = true});
    resolved({.answers = {"www.example. 300 IN A 192.0.2.80"}}, Security::kInsecure);
    EXPECT_EQ(reply().rcode, "NOERROR");
    EXPECT_FALSE(reply().ad);
    EXPECT_EQ(pipeline.forward().counters().insecure, 1U);
}

TEST_F(DnssecTest, ABogusAnswerIsAFailureThatIsNotKept) {
    for (int i = 0; i < 2; ++i) {
        (void)query({.name = "www.example."});
        ASSERT_EQ(resolving.size(), 1U + static_cast<unsigned>(i));
        resolved(kSigned, Security::kBogus, "validation failure <x>: signature expired");
        const auto told = reply(static_cast<std::size_t>(i));
        EXPECT_EQ(told.rcode, "SERVFAIL");
        EXPECT_EQ(told.ede, 7);
        EXPECT_EQ(told.ede_text, "signature expired");
        EXPECT_TRUE(told.answers.empty());
    }
    EXPECT_EQ(pipeline.forward().exchanges(), 0U);
}

TEST_F(DnssecTest, NoStaleAnswerStandsInForABogusOne) {
    snapshot.cache.stale_for = 24h;
    (void)query({.name = "www.example."});
    resolved(kSigned, Security::kSecure);
    now += 400s;
    (void)query({.name = "www.example."});
    resolved(kSigned, Security::kBogus, "signature expired");
    EXPECT_EQ(reply(1).rcode, "SERVFAIL");
}

TEST_F(DnssecTest, AStaleAnswerIsNotSecureAnyMore) {
    snapshot.cache.stale_for = 24h;
    (void)query({.name = "www.example.", .dnssec_ok = true});
    resolved(kSigned, Security::kSecure);
    now += 400s;
    (void)query({.name = "www.example.", .dnssec_ok = true});
    run_to_deadline();
    EXPECT_EQ(reply(1).answers.size(), 2U);
    EXPECT_FALSE(reply(1).ad);
}

TEST_F(DnssecTest, WhoSetsCdGetsWhatTheServersSay) {
    (void)query({.name = "www.example.", .checking_disabled = true});
    EXPECT_TRUE(resolving.empty());
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(reply().rcode, "NOERROR");
    EXPECT_FALSE(reply().ad);
    (void)query({.name = "www.example."});
    EXPECT_EQ(resolving.size(), 1U) << "and what he got is his alone";
}

TEST_F(DnssecTest, AResolverThatFailsIsNotDead) {
    for (int i = 0; i < 5; ++i) {
        (void)query({.name = "n" + std::to_string(i) + ".example."});
        ASSERT_EQ(resolving.size(), static_cast<std::size_t>(i) + 1);
        if (i % 2 == 0) {
            run_to_deadline();
        } else {
            pipeline.on_resolved(snapshot, {now, 0}, resolving.back().exchange,
                                 resolving.back().upstream, {});
        }
        EXPECT_EQ(reply(static_cast<std::size_t>(i)).rcode, "SERVFAIL");
    }
    EXPECT_FALSE(pipeline.forward().upstreams().all()[0].is_dead);
}

TEST_F(DnssecTest, ARecursionThatTakesLongLeadsToTheNextAndIsNeverDead) {
    const UpstreamServer recursive({}, UpstreamProtocol::kRecursive, {});
    snapshot.groups[0] = {{recursive, first}, UpstreamStrategy::kStrict};
    (void)query({.name = "a.example."});
    ASSERT_EQ(resolving.size(), 1U);
    run_to_deadline();
    ASSERT_EQ(sent.size(), 1U) << "the next one is asked as well";
    answer(sent[0], {.answers = {"a.example. 300 IN A 192.0.2.80"}});
    EXPECT_EQ(reply().rcode, "NOERROR");

    snapshot.groups[0] = {{recursive}, UpstreamStrategy::kStrict};
    for (int i = 0; i < 5; ++i) {
        const std::size_t before = resolving.size();
        (void)query({.name = "n" + std::to_string(i) + ".example."});
        EXPECT_GT(resolving.size(), before) << "alone it is asked whatever happened";
        while (pipeline.next_deadline() != kNever) run_to_deadline();
    }
    EXPECT_FALSE(pipeline.forward().upstreams().all()[0].is_dead);
}

TEST_F(DnssecTest, AnErrandGoesToTheServersAndPastTheCache) {
    const Packet packet = ask({.name = "ads.example.", .type = RrType::kDnskey, .dnssec_ok = true});
    QueryView view;
    ASSERT_EQ(parse_query(packet, view), QueryFault::kNone);
    for (std::uint64_t errand = 1; errand <= 2; ++errand) {
        sent.clear();
        pipeline.run_errand(snapshot, {now, 0}, errand, 0, view);
        ASSERT_EQ(sent.size(), 1U) << "nothing is kept";
        EXPECT_TRUE(see(sent[0].packet).cd && see(sent[0].packet).dnssec_ok);
        answer(sent[0], {.answers = {"ads.example. 300 IN A 192.0.2.1"}});
        ASSERT_EQ(errands.size(), errand);
        EXPECT_EQ(errands.back().errand, errand);
        EXPECT_EQ(see(errands.back().packet).answers.size(), 1U);
        EXPECT_EQ(see(errands.back().packet).id, 0x1234);
    }
    EXPECT_TRUE(replies.empty());
    EXPECT_TRUE(logged().empty());
    pipeline.run_errand(snapshot, {now, 0}, 3, 99, view);
    EXPECT_EQ(see(errands.back().packet).rcode, "SERVFAIL") << "a group that is no more";
}

TEST_F(DnssecTest, AnErrandAndAClientShareAnAnswer) {
    const Packet packet = ask({.name = "www.example.", .dnssec_ok = true});
    QueryView view;
    ASSERT_EQ(parse_query(packet, view), QueryFault::kNone);
    pipeline.run_errand(snapshot, {now, 0}, 1, 0, view);
    (void)query({.name = "www.example.", .checking_disabled = true, .dnssec_ok = true});
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.80"}});
    EXPECT_EQ(errands.size(), 1U);
    EXPECT_EQ(reply().answers.size(), 1U);
    (void)query({.name = "www.example.", .checking_disabled = true, .dnssec_ok = true});
    EXPECT_EQ(sent.size(), 1U) << "kept for clients";
}

}  // namespace
}  // namespace hearth::dns
