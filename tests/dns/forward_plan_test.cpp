#include "dns/core/forward_plan.h"

#include <algorithm>
#include <set>

#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::Packet;
using test::PipelineTest;
using test::say;
using test::Say;
using test::see;
using test::SentQuestion;

const Say kAddress{.answers = {"www.example. 300 IN A 192.0.2.80"}};

TEST_F(PipelineTest, EqualQuestionsAreAskedOnceAndAllAreAnswered) {
    for (std::uint16_t i = 0; i < 20; ++i) {
        client.port = static_cast<std::uint16_t>(1000 + i);
        (void)query({.name = i % 2 == 0 ? "www.example." : "WWW.example.", .id = i});
    }
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(pipeline.forward().waiting(), 20U);
    answer(sent[0], kAddress);
    ASSERT_EQ(replies.size(), 20U);
    for (std::uint16_t i = 0; i < 20; ++i) {
        EXPECT_EQ(replies[i].path.client.port, 1000 + i);
        EXPECT_EQ(reply(i).id, i);
        EXPECT_EQ(reply(i).question, i % 2 == 0 ? "www.example. A" : "WWW.example. A");
    }
    EXPECT_EQ(pipeline.forward().waiting(), 0U);
    EXPECT_EQ(pipeline.next_deadline(), kNever);
}

TEST_F(PipelineTest, DnssecAndPlainQuestionsAreDifferent) {
    (void)query({.name = "www.example."});
    (void)query({.name = "www.example.", .dnssec_ok = true});
    (void)query({.name = "www.example.", .checking_disabled = true});
    ASSERT_EQ(sent.size(), 3U);
    EXPECT_TRUE(see(sent[1].packet).dnssec_ok);
    EXPECT_TRUE(see(sent[2].packet).cd);
}

TEST_F(PipelineTest, IdsAndPortsVary) {
    std::set<std::uint16_t> ids;
    std::set<unsigned> slots;
    for (int i = 0; i < 64; ++i) {
        (void)query({.name = "n" + std::to_string(i) + ".example."});
        ids.insert(see(sent.back().packet).id);
        slots.insert(sent.back().slot);
    }
    EXPECT_GT(ids.size(), 60U);
    EXPECT_GT(slots.size(), 8U);
}

TEST_F(PipelineTest, HostileAnswersAreDroppedAndCounted) {
    (void)query({.name = "www.example."});
    const auto asked = sent[0];
    const Packet good = say(asked.packet, kAddress);
    Packet bad = good;
    bad[0] ^= 1;
    deliver(asked, bad);  // another ID
    auto elsewhere = asked;
    elsewhere.slot = (asked.slot + 1) % ForwardPlan::kSlots;
    deliver(elsewhere, good);  // another port
    elsewhere = asked;
    elsewhere.upstream = 1;
    deliver(elsewhere, good);  // another server
    Packet other_question =
        say(ask({.name = "evil.example.", .id = see(asked.packet).id}), kAddress);
    deliver(asked, other_question);
    deliver(asked, asked.packet);  // our question as its own answer
    bad = good;
    bad.resize(bad.size() - 13);
    deliver(asked, bad);  // cut off
    deliver(asked, {});
    EXPECT_TRUE(replies.empty());
    EXPECT_EQ(dropped(NoAnswer::kUnexpected), 3U);
    EXPECT_EQ(dropped(NoAnswer::kQuestion), 1U);
    EXPECT_EQ(dropped(NoAnswer::kMalformed), 3U);
    bad = good;
    bad.resize(kEdnsUdpSize + 1);
    deliver(asked, bad);
    EXPECT_EQ(dropped(NoAnswer::kOversize), 1U);
    bad = good;
    bad[kHeaderSize] = 0xc0;  // the name is a pointer to itself
    bad[kHeaderSize + 1] = kHeaderSize;
    deliver(asked, bad);
    EXPECT_EQ(dropped(NoAnswer::kMalformed), 4U);
    EXPECT_TRUE(replies.empty());
    deliver(asked, good);
    EXPECT_EQ(replies.size(), 1U);
    deliver(asked, good);
    EXPECT_EQ(replies.size(), 1U) << "a second copy is nothing we wait for";
}

TEST_F(PipelineTest, ALostQuestionIsAskedOfTheOtherUpstream) {
    (void)query({.name = "www.example."});
    run_to_deadline();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_NE(sent[0].endpoint, sent[1].endpoint);
    answer(sent[1], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
}

TEST_F(PipelineTest, ALateAnswerIsAnAnswer) {
    (void)query({.name = "www.example."});
    run_to_deadline();
    answer(sent[0], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
}

TEST_F(PipelineTest, AnErrorLeadsToTheNextUpstreamAtOnce) {
    for (const char* rcode : {"SERVFAIL", "REFUSED", "NOTIMPL"}) {
        sent.clear();
        replies.clear();
        const std::string qname = std::string(rcode) + ".example.";
        (void)query({.name = qname});
        answer(sent.at(0), {.rcode = rcode});
        ASSERT_EQ(sent.size(), 2U) << rcode;
        answer(sent[1], {.answers = {qname + " 300 IN A 192.0.2.80"}});
        EXPECT_EQ(reply().rcode, "NOERROR");
    }
}

TEST_F(PipelineTest, TruncatedAnswersAreAskedAgainOverTcp) {
    (void)query({.name = "www.example."});
    answer(sent[0], {.truncated = true});
    ASSERT_EQ(sent.size(), 2U);
    ASSERT_NE(sent[1].exchange, 0U);
    EXPECT_EQ(sent[1].endpoint, sent[0].endpoint);
    EXPECT_TRUE(replies.empty());
    answer(sent[1], kAddress);
    EXPECT_EQ(reply().answers.size(), 1U);
}

TEST_F(PipelineTest, AFailingTcpLeadsToTheOtherUpstream) {
    (void)query({.name = "www.example."});
    answer(sent[0], {.truncated = true});
    pipeline.on_stream_failure(snapshot, {now, 0}, sent[1].exchange, sent[1].upstream);
    ASSERT_EQ(sent.size(), 3U);
    EXPECT_EQ(sent[2].exchange, 0U);
    EXPECT_NE(sent[2].endpoint, sent[0].endpoint);
    answer(sent[2], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
}

TEST_F(PipelineTest, ATcpAnswerToAnotherQuestionIsAFailure) {
    snapshot.groups[0].servers = {first};
    (void)query({.name = "www.example."});
    answer(sent[0], {.truncated = true});
    deliver(sent[1], say(ask({.name = "evil.example.", .id = see(sent[1].packet).id}), kAddress));
    EXPECT_EQ(reply().rcode, "SERVFAIL");
}

TEST_F(PipelineTest, ParallelAsksTwoAtOnceAndTheFirstGoodAnswerCounts) {
    snapshot.groups[0].strategy = UpstreamStrategy::kParallel;
    (void)query({.name = "www.example."});
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_NE(sent[0].endpoint, sent[1].endpoint);
    answer(sent[0], {.rcode = "SERVFAIL"});
    EXPECT_TRUE(replies.empty()) << "the other one may do better";
    answer(sent[1], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
    answer(sent[0], kAddress);
    EXPECT_EQ(replies.size(), 1U);
}

TEST_F(PipelineTest, ServersOfAConnectionAreAskedOverIt) {
    const UpstreamServer tls(first, UpstreamProtocol::kTls, "dns.example");
    snapshot.groups[0].servers = {tls};
    (void)query({.name = "www.example."});
    ASSERT_EQ(sent.size(), 1U);
    ASSERT_NE(sent[0].exchange, 0U);
    now += 30ms;
    answer(sent[0], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
    EXPECT_EQ(pipeline.forward().upstreams()[0].smoothed_rtt, 30ms);
}

TEST_F(PipelineTest, ABrokenConnectionLeadsToTheNextServerAtOnce) {
    snapshot.groups[0].servers = {
        UpstreamServer(first, UpstreamProtocol::kTls, "a.example"),
        UpstreamServer(second, UpstreamProtocol::kHttps, "b.example", "/")};
    (void)query({.name = "www.example."});
    ASSERT_EQ(sent.size(), 1U);
    pipeline.on_stream_failure(snapshot, {now, 0}, sent[0].exchange, sent[0].upstream);
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_NE(sent[1].endpoint, sent[0].endpoint);
    EXPECT_EQ(pipeline.forward().upstreams()[sent[0].upstream].timeouts_in_row, 1U) << "in doubt";
    answer(sent[1], kAddress);
    EXPECT_EQ(reply().rcode, "NOERROR");
}

TEST_F(PipelineTest, AnUpstreamWithoutEdnsIsAskedWithout) {
    snapshot.groups[0].servers = {first};
    (void)query({.name = "www.example."});
    answer(sent[0], {.rcode = "FORMERR", .edns = false});
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_FALSE(see(sent[1].packet).edns);
    answer(sent[1], {.answers = kAddress.answers, .edns = false});
    EXPECT_EQ(reply().rcode, "NOERROR");
    (void)query({.name = "next.example."});
    EXPECT_FALSE(see(sent[2].packet).edns) << "remembered";
}

TEST_F(PipelineTest, DeadUpstreamsAreLeftAloneProbedAndBroughtBack) {
    // The first upstream never answers; the second does.
    int asked_first = 0;
    const auto ask_one = [&](int i) {
        sent.clear();
        replies.clear();
        const std::string qname = "n" + std::to_string(i) + ".example.";
        (void)query({.name = qname});
        for (std::size_t at = 0; replies.empty(); ++at) {
            if (at == sent.size()) run_to_deadline();
            if (sent.at(at).endpoint == second)
                answer(sent[at], {.answers = {qname + " 300 IN A 192.0.2.80"}});
        }
        for (const auto& question : sent) asked_first += question.endpoint == first ? 1 : 0;
    };
    for (int i = 0; i < 400; ++i) {
        ask_one(i);
        now += 10ms;
    }
    while (pipeline.next_deadline() != kNever) run_to_deadline();
    EXPECT_LT(asked_first, 40);
    EXPECT_GT(asked_first, 3) << "it is probed";

    // Now it answers again, and faster.
    now += 10s;
    sent.clear();
    (void)query({.name = "probe.example."});
    ASSERT_EQ(sent.size(), 2U) << "the probe goes along with a real question";
    for (const auto& question : std::vector(sent))
        answer(question, {.answers = {"probe.example. 300 IN A 192.0.2.80"}});
    EXPECT_FALSE(pipeline.forward().upstreams()[0].is_dead);
}

TEST_F(PipelineTest, AProbeThatWasOvertakenStillCounts) {
    (void)query({.name = "one.example."});
    run_to_deadline();  // the first is in doubt
    answer(sent.at(1), {.answers = {"one.example. 300 IN A 192.0.2.80"}});
    now += 1s;
    sent.clear();
    (void)query({.name = "two.example."});
    ASSERT_EQ(sent.size(), 2U);
    const auto& probe = sent[0].endpoint == first ? sent[0] : sent[1];
    const auto& other = sent[0].endpoint == first ? sent[1] : sent[0];
    answer(other, {.answers = {"two.example. 300 IN A 192.0.2.80"}});
    EXPECT_EQ(replies.size(), 2U);
    const auto timeouts = pipeline.forward().upstreams()[probe.upstream].timeouts_in_row;
    EXPECT_GT(timeouts, 0U);
    now += 20ms;
    answer(probe, {.answers = {"two.example. 300 IN A 192.0.2.80"}});
    EXPECT_EQ(pipeline.forward().upstreams()[probe.upstream].timeouts_in_row, 0U);
    EXPECT_EQ(replies.size(), 2U);
    EXPECT_EQ(pipeline.next_deadline(), kNever);
}

TEST_F(PipelineTest, WithAllDeadClientsAreToldAtOnce) {
    snapshot.groups[0].servers = {first};
    for (int i = 0;
         !pipeline.forward().upstreams().all().size() || !pipeline.forward().upstreams()[0].is_dead;
         ++i) {
        (void)query({.name = "n" + std::to_string(i) + ".example."});
        while (pipeline.next_deadline() != kNever) run_to_deadline();
    }
    replies.clear();
    now += 10s;
    (void)query({.name = "one.example."});
    const std::size_t before = sent.size();
    (void)query({.name = "two.example."});
    EXPECT_EQ(sent.size(), before) << "one question probes";
    ASSERT_EQ(replies.size(), 1U) << "the others need not wait";
    EXPECT_EQ(reply().rcode, "SERVFAIL");
    answer(sent.back(), {.answers = {"one.example. 300 IN A 192.0.2.80"}});
    (void)query({.name = "three.example."});
    EXPECT_EQ(sent.size(), before + 1);
}

TEST_F(PipelineTest, TheFasterUpstreamIsPreferred) {
    int to_second = 0;
    for (int i = 0; i < 200; ++i) {
        sent.clear();
        const std::string qname = "n" + std::to_string(i) + ".example.";
        (void)query({.name = qname});
        const bool is_second = sent[0].endpoint == second;
        to_second += is_second ? 1 : 0;
        now += is_second ? 5ms : 40ms;
        answer(sent[0], {.answers = {qname + " 300 IN A 192.0.2.80"}});
    }
    EXPECT_GT(to_second, 170);
    EXPECT_LT(to_second, 200) << "the other is looked at now and then";
}

class PlanActions final : public ForwardActions {
public:
    void send_udp(UpstreamIndex, const Endpoint&, unsigned, ByteView) override { ++sent; }
    void ask_stream(std::uint64_t, UpstreamIndex, const UpstreamServer&, ByteView) override {}
    void resolve(std::uint64_t, UpstreamIndex, const UpstreamServer&,
                 const ForwardQuestion&) override {}
    bool overdue(const ForwardQuestion&, const Waiter&) override { return false; }
    void finished(const ForwardQuestion&, const ForwardOutcome&,
                  std::span<const Waiter> waiters) override {
        finished_waiters += waiters.size();
    }
    std::size_t sent = 0;
    std::size_t finished_waiters = 0;
};

TEST(ForwardPlan, RefusesTheGreedyWhenMemoryIsShort) {
    PlanActions actions;
    test::CountingRandom random;
    LoopGuard loops(1);
    ForwardPlan plan({.memory = 40 * ForwardPlan::kWaiterCost}, actions, random, loops);
    const UpstreamServer server(Endpoint{IpAddress::v4(192, 0, 2, 1), 53});
    const TimePoint now{1h};
    const auto ask_from = [&](std::uint8_t host, int i) {
        ReplyPath path;
        path.client.address = IpAddress::v4(10, 0, 0, host);
        const Name qname = *Name::parse("n" + std::to_string(i) + ".example");
        return plan.ask({qname, RrType::kA}, std::span(&server, 1), UpstreamStrategy::kFastest,
                        Waiter(path, {}, qname, now), now);
    };
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_from(1, i), ForwardPlan::Ask::kStarted);
    EXPECT_EQ(ask_from(1, 20), ForwardPlan::Ask::kLimited) << "half is left for others";
    for (int i = 0; i < 10; ++i) EXPECT_EQ(ask_from(2, 100 + i), ForwardPlan::Ask::kStarted);
    EXPECT_EQ(ask_from(2, 0), ForwardPlan::Ask::kLimited);
    EXPECT_EQ(ask_from(3, 0), ForwardPlan::Ask::kJoined);
    for (std::uint8_t host = 4; host < 60; ++host) (void)ask_from(host, 100 + host);
    EXPECT_EQ(plan.waiting(), 40U);
    EXPECT_EQ(ask_from(99, 1), ForwardPlan::Ask::kLimited);
    while (plan.next_deadline() != kNever) plan.on_timer(plan.next_deadline());
    EXPECT_EQ(actions.finished_waiters, 40U);
    EXPECT_EQ(plan.waiting(), 0U);
    EXPECT_EQ(plan.exchanges(), 0U);
    EXPECT_EQ(ask_from(1, 10) == ForwardPlan::Ask::kLimited, false);
}

class UpstreamCookieTest : public PipelineTest {
protected:
    UpstreamCookieTest() { snapshot.groups[0].servers.resize(1); }

    // The COOKIE option of a question, without its head.
    static Packet cookie_in(const SentQuestion& question) {
        const Packet options = see(question.packet).options;
        for (std::size_t at = 0; at + 4 <= options.size();) {
            const std::size_t size = load_be16(options.data() + at + 2);
            const auto data = options.begin() + static_cast<std::ptrdiff_t>(at + 4);
            if (load_be16(options.data() + at) == 10)
                return {data, data + static_cast<std::ptrdiff_t>(size)};
            at += 4 + size;
        }
        return {};
    }
    // `said` as the answer to the question, with this cookie in place of none.
    static Packet with_cookie(const SentQuestion& question, const test::Say& said,
                              const Packet& cookie, std::uint8_t extended_rcode = 0) {
        test::Say bare = said;
        bare.edns = false;
        Packet packet = say(question.packet, bare);
        packet[11] = 1;
        const auto size = static_cast<std::uint8_t>(cookie.size());
        for (const std::uint8_t octet : Packet{0, 0, 41, 4, 208, extended_rcode, 0, 0, 0, 0,
                                               static_cast<std::uint8_t>(size + 4), 0, 10, 0, size})
            packet.push_back(octet);
        packet.insert(packet.end(), cookie.begin(), cookie.end());
        return packet;
    }
    static Packet whole(Packet ours, std::uint8_t theirs) {
        ours.resize(8);
        ours.insert(ours.end(), 8, theirs);
        return ours;
    }
    const SentQuestion& ask_for(const std::string& name) {
        (void)query({.name = name});
        return sent.back();
    }
};

TEST_F(UpstreamCookieTest, TheServersHalfIsGivenBackAndForgeriesAreDropped) {
    const auto asked = ask_for("a.example.");
    const Packet ours = cookie_in(asked);
    ASSERT_EQ(ours.size(), 8U);
    Packet others = whole(ours, 1);
    others[3] ^= 1;
    const test::Say said{.answers = {"a.example. 300 IN A 192.0.2.80"}};
    deliver(asked, with_cookie(asked, said, others));
    deliver(asked, with_cookie(asked, said, ours));  // an answer has the server's half too
    EXPECT_EQ(dropped(NoAnswer::kCookie), 2U);
    EXPECT_TRUE(replies.empty());
    deliver(asked, with_cookie(asked, said, whole(ours, 1)));
    EXPECT_EQ(reply().rcode, "NOERROR");
    EXPECT_EQ(cookie_in(ask_for("b.example.")), whole(ours, 1));
}

TEST_F(UpstreamCookieTest, WhatLacksOneIsAskedOverTcp) {
    const auto first_asked = ask_for("a.example.");
    const test::Say said{.answers = {"a.example. 300 IN A 192.0.2.80"}};
    deliver(first_asked, with_cookie(first_asked, said, whole(cookie_in(first_asked), 1)));
    const auto asked = ask_for("b.example.");
    answer(asked, {.answers = {"b.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(dropped(NoAnswer::kCookie), 1U);
    EXPECT_EQ(replies.size(), 1U);
    ASSERT_NE(sent.back().exchange, 0U);
    answer(sent.back(), {.answers = {"b.example. 300 IN A 192.0.2.80"}});
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(reply(1).answers[0], "b.example. 300 IN A 192.0.2.80");
}

TEST_F(UpstreamCookieTest, ABadCookieIsAskedAgainWithTheNewOneThenOverTcp) {
    const auto asked = ask_for("a.example.");
    const Packet ours = cookie_in(asked);
    deliver(asked, with_cookie(asked, {.rcode = "YXRRSET"}, whole(ours, 2), 1));  // 16 + 7
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[1].exchange, 0U);
    EXPECT_EQ(cookie_in(sent[1]), whole(ours, 2));
    deliver(sent[1], with_cookie(sent[1], {.rcode = "YXRRSET"}, whole(ours, 3), 1));
    ASSERT_EQ(sent.size(), 3U);
    EXPECT_NE(sent[2].exchange, 0U);
    answer(sent[2], {.answers = {"a.example. 300 IN A 192.0.2.80"}});
    EXPECT_EQ(reply().rcode, "NOERROR");
}

TEST_F(UpstreamCookieTest, WhoDoesNotLikeOneGetsNone) {
    const auto asked = ask_for("a.example.");
    answer(asked, {.rcode = "FORMERR"});
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_TRUE(cookie_in(sent[1]).empty());
    EXPECT_TRUE(see(sent[1].packet).edns);
    answer(sent[1], {.answers = {"a.example. 300 IN A 192.0.2.80"}});
    EXPECT_TRUE(cookie_in(ask_for("b.example.")).empty());
}

TEST_F(UpstreamCookieTest, WhoNeverAnsweredIsAskedWithoutOne) {
    (void)ask_for("a.example.");
    run_to_deadline();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_TRUE(cookie_in(sent[1]).empty());
}

class LettersTest : public PipelineTest {
protected:
    static QueryPipeline::Limits limits() {
        QueryPipeline::Limits result;
        result.forward.mix_letters = true;
        return result;
    }
    void ask_for(const std::string& qname) {
        sent.clear();
        replies.clear();
        const Packet packet = test::ask({.name = qname});
        Packet out(kEdnsUdpSize);
        EXPECT_EQ(mixing.handle(snapshot, context(), packet, out), 0U);
    }
    // `question` is answered with its name in these letters; empty: as asked.
    void tell(const SentQuestion& question, const std::string& letters = {}) {
        Packet packet = test::say(question.packet, {.answers = {}});
        for (std::size_t i = 0; i < letters.size(); ++i)
            packet[kHeaderSize + 1 + i] = static_cast<std::uint8_t>(letters[i]);
        mixing.on_datagram(snapshot, {now, 0}, question.upstream, question.slot, packet);
    }
    static bool is_mixed(const SentQuestion& question) {
        const std::string name = test::see(question.packet).question;
        return std::any_of(name.begin(), name.end() - 2,
                           [](char c) { return c >= 'A' && c <= 'Z'; });
    }

    QueryPipeline mixing{limits(), *this, random, loops, log, tally};
};

TEST_F(LettersTest, WhoWritesNamesAsItLikesIsAskedInPlainLetters) {
    snapshot.groups[0].servers.resize(1);
    ask_for("aaaaaaaaaaaaaaaa.example.");
    ASSERT_EQ(sent.size(), 1U);
    ASSERT_TRUE(is_mixed(sent[0]));
    tell(sent[0], "aaaaaaaaaaaaaaaa");
    EXPECT_TRUE(replies.empty());
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_FALSE(is_mixed(sent[1]));
    tell(sent[1]);
    EXPECT_EQ(replies.size(), 1U);
    ask_for("bbbbbbbbbbbbbbbb.example.");
    EXPECT_FALSE(is_mixed(sent[0]));
}

TEST_F(LettersTest, WhoRepeatedThemIsNotBelievedOtherwise) {
    snapshot.groups[0].servers.resize(1);
    ask_for("aaaaaaaaaaaaaaaa.example.");
    tell(sent[0]);
    EXPECT_EQ(replies.size(), 1U);
    ask_for("bbbbbbbbbbbbbbbb.example.");
    ASSERT_TRUE(is_mixed(sent[0]));
    tell(sent[0], "bbbbbbbbbbbbbbbb");
    EXPECT_TRUE(replies.empty());
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(mixing.forward().counters().no_answers[static_cast<std::size_t>(NoAnswer::kLetters)],
              1U);
    tell(sent[0]);
    EXPECT_EQ(replies.size(), 1U);
}

}  // namespace
}  // namespace hearth::dns
