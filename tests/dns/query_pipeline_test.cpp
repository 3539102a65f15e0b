#include "dns/core/query_pipeline.h"

#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::Packet;
using test::PipelineTest;
using test::say;
using test::Say;
using test::see;
using Records = std::vector<std::string>;

constexpr const char* kHomeSoa = "home. 60 IN SOA dns.home. . 1 3600 600 86400 60";

TEST_F(PipelineTest, LocalNames) {
    struct Case {
        const char* name;
        RrType type;
        const char* rcode;
        Records answers;
        Records authority;
    };
    const Case cases[] = {
        {"immich.home.", RrType::kA, "NOERROR", {"immich.home. 60 IN A 10.0.0.100"}, {}},
        {"IMMICH.Home.", RrType::kA, "NOERROR", {"IMMICH.Home. 60 IN A 10.0.0.100"}, {}},
        {"immich.", RrType::kA, "NOERROR", {"immich. 60 IN A 10.0.0.100"}, {}},
        {"immich.home.", RrType::kAaaa, "NOERROR", {}, {kHomeSoa}},
        {"immich.home.", RrType::kHttps, "NOERROR", {}, {kHomeSoa}},
        {"immich.home.", RrType::kAny, "NOERROR", {"immich.home. 60 IN A 10.0.0.100"}, {}},
        {"many.home.", RrType::kAaaa, "NOERROR", {"many.home. 60 IN AAAA fd00::1"}, {}},
        {"x.apps.home.", RrType::kA, "NOERROR", {"x.apps.home. 60 IN A 10.0.0.9"}, {}},
        {"apps.home.", RrType::kA, "NOERROR", {}, {kHomeSoa}},
        {"nothing.home.", RrType::kA, "NXDOMAIN", {}, {kHomeSoa}},
        {"x.immich.home.", RrType::kA, "NXDOMAIN", {}, {kHomeSoa}},
        {"home.", RrType::kSoa, "NOERROR", {kHomeSoa}, {}},
        {"home.", RrType::kNs, "NOERROR", {"home. 60 IN NS dns.home."}, {}},
        {"home.", RrType::kA, "NOERROR", {}, {kHomeSoa}},
        {"alias.home.", RrType::kCname, "NOERROR", {"alias.home. 60 IN CNAME many.home."}, {}},
        {"alias.home.",
         RrType::kAaaa,
         "NOERROR",
         {"alias.home. 60 IN CNAME many.home.", "many.home. 60 IN AAAA fd00::1"},
         {}},
        {"gone.home.",
         RrType::kA,
         "NXDOMAIN",
         {"gone.home. 60 IN CNAME nothing.home."},
         {kHomeSoa}},
        {"100.0.0.10.in-addr.arpa.",
         RrType::kPtr,
         "NOERROR",
         {"100.0.0.10.in-addr.arpa. 60 IN PTR immich.home."},
         {}},
        {"localhost.", RrType::kA, "NOERROR", {"localhost. 60 IN A 127.0.0.1"}, {}},
        {"a.localhost.", RrType::kAaaa, "NOERROR", {"a.localhost. 60 IN AAAA ::1"}, {}},
        {"1.0.0.127.in-addr.arpa.",
         RrType::kPtr,
         "NOERROR",
         {"1.0.0.127.in-addr.arpa. 60 IN PTR localhost."},
         {}},
    };
    for (const auto& c : cases) {
        const auto seen = query({.name = c.name, .type = c.type});
        ASSERT_TRUE(seen.valid) << c.name;
        EXPECT_EQ(seen.rcode, c.rcode) << c.name;
        EXPECT_EQ(seen.answers, c.answers) << c.name << to_string(c.type);
        EXPECT_EQ(seen.authority, c.authority) << c.name << to_string(c.type);
        EXPECT_TRUE(seen.aa) << c.name;
    }
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineTest, SeveralAddressesTakeTurns) {
    const auto one = query({.name = "many.home."}).answers;
    const auto two = query({.name = "many.home."}).answers;
    ASSERT_EQ(one.size(), 2U);
    EXPECT_EQ(one[0], two[1]);
    EXPECT_EQ(one[1], two[0]);
}

TEST_F(PipelineTest, ACnameLoopOfOursIsAServFail) {
    EXPECT_EQ(query({.name = "round.home."}).rcode, "SERVFAIL");
}

TEST_F(PipelineTest, SpecialNames) {
    for (const char* nxdomain :
         {"x.test.", "x.onion.", "x.invalid.", "printer.local.", "use-application-dns.net.",
          "mask.icloud.com.", "9.9.9.10.in-addr.arpa.", "x.home.arpa.", "nobody."})
        EXPECT_EQ(query({.name = nxdomain}).rcode, "NXDOMAIN") << nxdomain;
    const auto ddr = query({.name = "_dns.resolver.arpa.", .type = RrType::kSvcb});
    EXPECT_EQ(ddr.rcode, "NOERROR");
    EXPECT_TRUE(ddr.answers.empty());
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineTest, AnAllowRuleLiftsACanary) {
    allow("use-application-dns.net");
    EXPECT_FALSE(query({.name = "use-application-dns.net."}).valid);
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(PipelineTest, ForwardsAndCaches) {
    EXPECT_FALSE(query({.name = "wWw.example.", .id = 99}).valid);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].endpoint, first);
    EXPECT_EQ(see(sent[0].packet).question, "www.example. A");
    EXPECT_EQ(see(sent[0].packet).options.size(), 12U) << "a cookie; the world need not see our tag";
    now += 20ms;
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.80"}});
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].path.client, client);
    EXPECT_EQ(reply().id, 99);
    EXPECT_EQ(reply().question, "wWw.example. A");
    EXPECT_EQ(reply().answers, (Records{"wWw.example. 300 IN A 192.0.2.80"}));

    now += 10s;
    EXPECT_EQ(query({.name = "www.example."}).answers,
              (Records{"www.example. 290 IN A 192.0.2.80"}));
    EXPECT_EQ(sent.size(), 1U);
    const auto records = logged();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].outcome.reason, Reason::kForwarded);
    EXPECT_EQ(records[0].duration_us, 20'000U);
    EXPECT_EQ(records[1].outcome.reason, Reason::kCached);
}

TEST_F(PipelineTest, NegativeAnswersAreCachedByTheSoa) {
    (void)query({.name = "no.example."});
    answer(sent[0], {.rcode = "NXDOMAIN",
                     .authority = {"example. 900 IN SOA ns.example. h.example. 1 2 3 4 30"}});
    EXPECT_EQ(reply().rcode, "NXDOMAIN");
    now += 29s;
    const auto seen = query({.name = "no.example."});
    EXPECT_EQ(seen.rcode, "NXDOMAIN");
    EXPECT_EQ(seen.authority.size(), 1U);
    now += 1s;
    EXPECT_FALSE(query({.name = "no.example."}).valid);
    EXPECT_EQ(sent.size(), 2U);
}

TEST_F(PipelineTest, BlockedNames) {
    struct Case {
        BlockStyle style;
        RrType type;
        const char* rcode;
        Records answers;
        std::size_t authority;
    };
    snapshot.blocking.address = IpAddress::v4(10, 0, 0, 66);
    const Case cases[] = {
        {BlockStyle::kZero, RrType::kA, "NOERROR", {"x.ads.example. 10 IN A 0.0.0.0"}, 0},
        {BlockStyle::kZero, RrType::kAaaa, "NOERROR", {"x.ads.example. 10 IN AAAA ::"}, 0},
        {BlockStyle::kZero, RrType::kHttps, "NOERROR", {}, 1},
        {BlockStyle::kNxDomain, RrType::kA, "NXDOMAIN", {}, 1},
        {BlockStyle::kNoData, RrType::kA, "NOERROR", {}, 1},
        {BlockStyle::kRefused, RrType::kA, "REFUSED", {}, 0},
        {BlockStyle::kAddress, RrType::kA, "NOERROR", {"x.ads.example. 10 IN A 10.0.0.66"}, 0},
        {BlockStyle::kAddress, RrType::kAaaa, "NOERROR", {}, 1},
    };
    for (const auto& c : cases) {
        snapshot.blocking.style = c.style;
        ++snapshot.generation;
        for (const char* what : {"decided", "kept"}) {
            const auto seen = query({.name = "x.ads.example.", .type = c.type});
            EXPECT_EQ(seen.rcode, c.rcode) << what;
            EXPECT_EQ(seen.answers, c.answers) << what;
            EXPECT_EQ(seen.authority.size(), c.authority) << what;
            EXPECT_EQ(seen.ede, 15) << what;
            EXPECT_EQ(seen.ede_text, "Blocked by a deny rule") << what;
            EXPECT_FALSE(seen.aa) << what;
            now += 9s;
        }
    }
    EXPECT_FALSE(query({.name = "x.ads.example.", .edns = false}).edns);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(logged()[0].outcome.verdict.source, VerdictSource::kDenyRule);
}

TEST_F(PipelineTest, AKeptVerdictEndsWithItsGeneration) {
    EXPECT_EQ(query({.name = "x.ads.example."}).ede, 15);
    allow("x.ads.example");
    EXPECT_FALSE(query({.name = "x.ads.example."}).valid);
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], {.answers = {"x.ads.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(query({.name = "x.ads.example."}).answers,
              (Records{"x.ads.example. 300 IN A 192.0.2.66"}));
    snapshot.blocking.allow = nullptr;
    ++snapshot.generation;
    EXPECT_EQ(query({.name = "x.ads.example."}).ede, 15);
    EXPECT_EQ(logged().back().outcome.verdict.source, VerdictSource::kDenyRule);
}

TEST_F(PipelineTest, AllowBeatsDeny) {
    EXPECT_FALSE(query({.name = "good.ads.example."}).valid);
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(PipelineTest, WithBlockingOffNothingIsBlocked) {
    snapshot.blocking.enabled = false;
    EXPECT_FALSE(query({.name = "ads.example."}).valid);
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(PipelineTest, ABlockedNameBehindAnUnlistedOneIsBlocked) {
    (void)query({.name = "shop.example."});
    answer(sent[0], {.answers = {"shop.example. 300 IN CNAME t.ads.example.",
                                 "t.ads.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(reply().answers, (Records{"shop.example. 10 IN A 0.0.0.0"}));
    EXPECT_EQ(reply().ede, 15);
    EXPECT_EQ(query({.name = "shop.example."}).ede, 15) << "known by now, nobody is asked";
    EXPECT_EQ(sent.size(), 1U);
    // An explicit allow of the asked name accepts what it points to.
    allow("shop.example");
    (void)query({.name = "shop.example."});
    ASSERT_EQ(sent.size(), 2U);
    answer(sent[1], {.answers = {"shop.example. 300 IN CNAME t.ads.example.",
                                 "t.ads.example. 300 IN A 192.0.2.66"}});
    EXPECT_EQ(reply(1).answers.size(), 2U);
}

TEST_F(PipelineTest, ANewRuleHoldsForWhatIsCached) {
    (void)query({.name = "late.example."});
    answer(sent[0], {.answers = {"late.example. 300 IN CNAME cdn.tracker.example.",
                                 "cdn.tracker.example. 300 IN A 192.0.2.1"}});
    EXPECT_EQ(query({.name = "late.example."}).answers.size(), 2U);
    auto deny = std::make_shared<NameRules>();
    deny->add(name("tracker.example"), RuleReach::kNameAndBelow);
    snapshot.blocking.deny = deny;
    ++snapshot.generation;
    EXPECT_EQ(query({.name = "late.example."}).answers, (Records{"late.example. 10 IN A 0.0.0.0"}));
    EXPECT_EQ(query({.name = "late.example."}).ede, 15) << "and again";
}

TEST_F(PipelineTest, NewUpstreamsEmptyTheCache) {
    (void)query({.name = "www.example."});
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.80"}});
    ++snapshot.generation;
    ++snapshot.cache_generation;
    EXPECT_FALSE(query({.name = "www.example."}).valid);
    EXPECT_EQ(sent.size(), 2U);
}

TEST_F(PipelineTest, OurCnameToTheOutsideIsFollowed) {
    EXPECT_FALSE(query({.name = "web.home."}).valid);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(see(sent[0].packet).question, "www.example. A");
    answer(sent[0], {.answers = {"www.example. 300 IN CNAME cdn.example.",
                                 "cdn.example. 200 IN A 192.0.2.80"}});
    const Records expected = {"web.home. 60 IN CNAME www.example.",
                              "www.example. 300 IN CNAME cdn.example.",
                              "cdn.example. 200 IN A 192.0.2.80"};
    EXPECT_EQ(reply().answers, expected);
    EXPECT_EQ(query({.name = "web.home."}).answers, expected) << "out of the cache";
    EXPECT_EQ(query({.name = "www.example."}).answers.size(), 2U);
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(PipelineTest, AForwardZoneGoesToItsOwnServers) {
    (void)query({.name = "printer.lan."});
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].endpoint, router);
    EXPECT_EQ(see(sent[0].packet).options.size(), 12 + 4 + LoopGuard::kTagSize);
}

TEST_F(PipelineTest, NamesOfTheDomainTheRouterOwns) {
    auto zones = std::make_shared<LocalZones>(*snapshot.zones);
    zones->add_zone({name("home"), ZoneKind::kForward, 1});
    snapshot.zones = zones;
    EXPECT_EQ(query({.name = "immich.home."}).answers.size(), 1U);
    EXPECT_EQ(query({.name = "home.", .type = RrType::kSoa}).answers, (Records{kHomeSoa}));
    EXPECT_TRUE(sent.empty());
    (void)query({.name = "laptop.home."});
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].endpoint, router);
}

TEST_F(PipelineTest, AnyIsAnsweredWithoutAskingAnyone) {
    const auto seen = query({.name = "www.example.", .type = RrType::kAny});
    EXPECT_EQ(seen.answers, (Records{"www.example. 60 IN HINFO \"RFC8482\" \"\""}));
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineTest, IsNoOpenResolver) {
    client.address = IpAddress::v4(203, 0, 113, 9);
    for (const char* qname : {"immich.home.", "www.example."}) {
        const auto seen = query({.name = qname});
        EXPECT_EQ(seen.rcode, "REFUSED") << qname;
        EXPECT_TRUE(seen.answers.empty());
    }
    EXPECT_TRUE(sent.empty());
    int answered = 0;
    for (int i = 0; i < 1000; ++i) answered += query({.name = "a."}).valid ? 1 : 0;
    EXPECT_LT(answered, 100) << "a flood of refusals would be an amplifier's friend";
    now += 1s;
    EXPECT_TRUE(query({.name = "a."}).valid);
}

TEST_F(PipelineTest, RefusesWhatItDoesNotServe) {
    for (const auto type : {RrType::kAxfr, RrType::kIxfr, RrType::kOpt, RrType::kTsig})
        EXPECT_EQ(query({.name = "home.", .type = type}).rcode, "REFUSED") << to_string(type);
    Packet chaos = ask({.name = "version.bind.", .type = RrType::kTxt, .edns = false});
    chaos[chaos.size() - 1] = 3;
    EXPECT_EQ(query_raw(chaos).rcode, "REFUSED");
    EXPECT_EQ(query({.name = "www.example.", .recursion = false}).rcode, "REFUSED");
    EXPECT_EQ(query({.name = "immich.home.", .recursion = false}).rcode, "NOERROR");
    EXPECT_TRUE(sent.empty());
}

TEST_F(PipelineTest, FaultsAreAnsweredExactly) {
    Packet packet = ask({.name = "immich.home."});
    packet[packet.size() - 11 + 6] = 1;
    const auto badvers = query_raw(packet);
    EXPECT_EQ(badvers.extended_rcode, 1U);
    EXPECT_TRUE(badvers.answers.empty());

    packet = ask({.name = "immich.home."});
    packet[2] |= 0x20;
    EXPECT_EQ(query_raw(packet).rcode, "NOTIMPL");

    packet = ask({.name = "immich.home.", .edns = false});
    packet.push_back(1);
    EXPECT_EQ(query_raw(packet).rcode, "FORMERR");

    packet[2] |= 0x80;
    EXPECT_FALSE(query_raw(packet).valid) << "an answer is never answered";
    packet.resize(11);
    EXPECT_FALSE(query_raw(packet).valid);
    EXPECT_EQ(tally.dropped.value(), 2U);
}

TEST_F(PipelineTest, AClientsSubnetStaysHere) {
    (void)query({.name = "www.example.", .options = {0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0}});
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(see(sent[0].packet).edns);
    EXPECT_EQ(see(sent[0].packet).options.size(), 12U) << "a cookie, and nothing of the client's";
    EXPECT_EQ(see(sent[0].packet).options[1], 10U);
}

TEST_F(PipelineTest, UnknownOptionsAreIgnored) {
    EXPECT_EQ(query({.name = "immich.home.", .options = {0xff, 0xf0, 0, 1, 9}}).answers.size(), 1U);
}

TEST_F(PipelineTest, LargeAnswersGoWholeOverTcpAndTruncatedOverUdp) {
    Say big;
    for (int i = 0; i < 100; ++i)
        big.answers.push_back("www.example. 300 IN A 192.0.2." + std::to_string(i));
    (void)query({.name = "www.example."});
    answer(sent[0], {.truncated = true});
    answer(sent.at(1), big);
    EXPECT_TRUE(reply().tc);
    transport = Transport::kTcp;
    const auto seen = query({.name = "www.example.", .edns = false});
    EXPECT_FALSE(seen.tc);
    EXPECT_EQ(seen.answers.size(), 100U);
}

TEST_F(PipelineTest, NobodyAnswers) {
    (void)query({.name = "www.example."});
    const TimePoint asked_at = now;
    while (replies.empty()) run_to_deadline();
    EXPECT_LE(now - asked_at, 4500ms);
    EXPECT_EQ(reply().rcode, "SERVFAIL");
    EXPECT_EQ(reply().ede, 22);
    const std::size_t questions = sent.size();
    EXPECT_GE(questions, 4U);
    EXPECT_EQ(query({.name = "www.example."}).rcode, "SERVFAIL") << "cached for a second";
    EXPECT_EQ(sent.size(), questions);
    EXPECT_EQ(query({.name = "immich.home."}).rcode, "NOERROR");
}

TEST_F(PipelineTest, WithoutUpstreamsTheRestWorks) {
    snapshot.groups[0].servers.clear();
    EXPECT_EQ(query({.name = "www.example."}).rcode, "SERVFAIL");
    EXPECT_EQ(query({.name = "immich.home."}).rcode, "NOERROR");
    EXPECT_EQ(query({.name = "ads.example."}).ede, 15);
}

TEST_F(PipelineTest, ServFailOfAllUpstreamsIsCachedBriefly) {
    (void)query({.name = "broken.example."});
    answer(sent.at(0), {.rcode = "SERVFAIL"});
    answer(sent.at(1), {.rcode = "SERVFAIL"});
    EXPECT_EQ(reply().rcode, "SERVFAIL");
    EXPECT_EQ(sent.size(), 2U);
    now += 4s;
    EXPECT_EQ(query({.name = "broken.example."}).rcode, "SERVFAIL");
    now += 1s;
    EXPECT_FALSE(query({.name = "broken.example."}).valid);
}

TEST_F(PipelineTest, OurTaggedQuestionComingBackIsRefusedAndTheLoopRemembered) {
    (void)query({.name = "printer.lan."});
    ASSERT_EQ(sent.size(), 1U);
    const Endpoint owner = client;
    // The router's question to us is ours with another ID, the OPT untouched.
    client = {router.address, 3333};
    Packet back = sent[0].packet;
    back[0] ^= 0x55;
    const auto refused = query_raw(back);
    EXPECT_EQ(refused.rcode, "REFUSED");
    EXPECT_NE(refused.ede_text.find("loop"), std::string::npos);
    EXPECT_EQ(sent.size(), 1U) << "nothing is forwarded twice";
    EXPECT_TRUE(loops.is_looping(router.address, now));
    answer(sent[0], {.rcode = "REFUSED"});
    EXPECT_EQ(reply().rcode, "SERVFAIL");
    EXPECT_NE(reply().ede_text.find("loop"), std::string::npos);

    client = owner;
    const auto next = query({.name = "other.lan."});
    EXPECT_FALSE(next.valid);
    EXPECT_EQ(reply(1).rcode, "SERVFAIL");
    EXPECT_EQ(sent.size(), 1U) << "the looping router is left alone";
    now += LoopGuard::kMemory;
    (void)query({.name = "third.lan."});
    EXPECT_EQ(sent.size(), 2U) << "and tried again later";
}

TEST_F(PipelineTest, ALoopIsSeenEvenWhenTheTagWasStripped) {
    const Endpoint owner = client;
    for (const char* qname : {"one.lan.", "two.lan."}) {
        client = owner;
        (void)query({.name = qname});
        client = {router.address, 3333};
        EXPECT_EQ(query({.name = qname, .id = 4}).rcode, "REFUSED");
    }
    EXPECT_EQ(sent.size(), 2U);
    EXPECT_TRUE(loops.is_looping(router.address, now)) << "the second time proves it";
}

TEST_F(PipelineTest, ARouterThatAsksForItselfIsAClientLikeOthers) {
    client = {router.address, 3333};
    (void)query({.name = "printer.lan."});
    EXPECT_FALSE(query({.name = "printer.lan.", .id = 9}).valid) << "its own retransmission waits";
    answer(sent[0], {.answers = {"printer.lan. 60 IN A 10.0.0.40"}});
    EXPECT_EQ(replies.size(), 2U);
    EXPECT_FALSE(loops.is_looping(router.address, now));
}

TEST_F(PipelineTest, DecidingAHitAllocatesNothingAndAsksNobody) {
    (void)query({.name = "www.example."});
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.80"}});
    const auto misses = tally.cache_misses.value();
    for (int i = 0; i < 10; ++i) (void)query({.name = "www.example."});
    EXPECT_EQ(tally.cache_hits.value(), 10U);
    EXPECT_EQ(tally.cache_misses.value(), misses);
}

TEST_F(PipelineTest, ASuffixThatStandsForAnotherIsToldInTheAskedNames) {
    auto zones = std::make_shared<LocalZones>(*snapshot.zones);
    zones->add_zone({name("in.example"), ZoneKind::kForward, 0,
                     std::make_shared<const Name>(name("out.example"))});
    snapshot.zones = zones;
    EXPECT_FALSE(query({.name = "NAS.in.example"}).valid) << "forwarded";
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(see(sent[0].packet).question, "nas.out.example. A");
    answer(sent[0], {.answers = {"nas.out.example. 60 IN A 10.96.0.7"}});
    EXPECT_EQ(reply().question, "NAS.in.example. A");
    const auto again = query({.name = "nas.in.example"});
    EXPECT_EQ(again.answers, std::vector<std::string>{"nas.in.example. 60 IN A 10.96.0.7"});
    EXPECT_EQ(sent.size(), 1U) << "from the cache";
}

TEST_F(PipelineTest, ASuffixThatIsGoneWhenTheAnswerComesIsNotGuessed) {
    const auto before = snapshot.zones;
    auto zones = std::make_shared<LocalZones>(*before);
    zones->add_zone({name("in.example"), ZoneKind::kForward, 0,
                     std::make_shared<const Name>(name("out.example"))});
    snapshot.zones = zones;
    (void)query({.name = "a-longer-name.in.example"});
    snapshot.zones = before;
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], {.answers = {"a-longer-name.out.example. 60 IN A 10.96.0.7"}});
    EXPECT_EQ(reply().rcode, "SERVFAIL");
    EXPECT_EQ(reply().question, "a-longer-name.in.example. A");
}

}  // namespace
}  // namespace hearth::dns
