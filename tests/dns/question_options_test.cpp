// What clients put into OPT, and what they get back (RFC 6891 and its options).

#include <gtest/gtest.h>

#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns::test {
namespace {

Packet option(EdnsOption code, const Packet& data) {
    const auto number = static_cast<unsigned>(code);
    Packet bytes{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number),
                 static_cast<std::uint8_t>(data.size() >> 8),
                 static_cast<std::uint8_t>(data.size())};
    bytes.insert(bytes.end(), data.begin(), data.end());
    return bytes;
}

std::optional<Packet> find(const Seen& seen, EdnsOption code) {
    EdnsView view;
    view.options = seen.options;
    const auto data = view.find(code);
    return data ? std::optional(Packet(data->begin(), data->end())) : std::nullopt;
}

const Packet kClientCookie{1, 2, 3, 4, 5, 6, 7, 8};

class QuestionOptions : public PipelineTest {
protected:
    QuestionOptions() {
        snapshot.cookie_secrets = CookieSecrets{{1, 2}, {3, 4}, {5, 6}};
        snapshot.nsid = "pi5";
    }
    Seen with(const Packet& options, const std::string& qname = "immich.home") {
        return query({.name = qname, .options = options});
    }
    void limit_to(std::uint32_t burst, LimitAnswer answer) {
        snapshot.rate_limiter =
            std::make_shared<RateLimiter>(RateLimiter::Rules{1, burst, answer, {}}, SipKey{7, 8});
    }
    // The octets of the answer to `packet`.
    Packet octets(const Packet& packet, QueryContext where) {
        Packet out(kMaxMessage);
        out.resize(pipeline.handle(snapshot, where, packet, out));
        return out;
    }
};

TEST_F(QuestionOptions, UnknownOnesArePassedOver) {
    const Seen seen = with(option(static_cast<EdnsOption>(100), {1, 2, 3}));
    EXPECT_EQ(seen.rcode, "NOERROR");
    EXPECT_TRUE(seen.options.empty());
}

TEST_F(QuestionOptions, ACookieIsAnsweredWithOurs) {
    const Seen fresh = with(option(EdnsOption::kCookie, kClientCookie));
    const auto cookie = find(fresh, EdnsOption::kCookie);
    ASSERT_TRUE(cookie);
    ASSERT_EQ(cookie->size(), kWholeCookieSize);
    EXPECT_TRUE(std::equal(kClientCookie.begin(), kClientCookie.end(), cookie->begin()));
    EXPECT_EQ(find(with(option(EdnsOption::kCookie, *cookie)), EdnsOption::kCookie), cookie);
}

TEST_F(QuestionOptions, ACookieOfAWrongSizeIsAFault) {
    for (const std::size_t size : {0U, 7U, 9U, 15U, 41U})
        EXPECT_EQ(with(option(EdnsOption::kCookie, Packet(size))).rcode, "FORMERR") << size;
    for (const std::size_t size : {8U, 16U, 24U, 40U})
        EXPECT_EQ(with(option(EdnsOption::kCookie, Packet(size))).rcode, "NOERROR") << size;
}

// RFC 7873 §5.4
TEST_F(QuestionOptions, ACookieAloneAsksForOurs) {
    Packet packet(12);
    packet[11] = 1;
    const auto cookie = option(EdnsOption::kCookie, kClientCookie);
    const Packet opt{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(cookie.size())};
    packet.insert(packet.end(), opt.begin(), opt.end());
    packet.insert(packet.end(), cookie.begin(), cookie.end());
    const Seen seen = query_raw(packet);
    EXPECT_EQ(seen.rcode, "NOERROR");
    EXPECT_TRUE(seen.question.empty());
    EXPECT_TRUE(find(seen, EdnsOption::kCookie));
}

TEST_F(QuestionOptions, NsidIsTheNodesName) {
    EXPECT_EQ(find(with(option(EdnsOption::kNsid, {})), EdnsOption::kNsid),
              (Packet{'p', 'i', '5'}));
    EXPECT_FALSE(find(with({}), EdnsOption::kNsid));
}

TEST_F(QuestionOptions, NobodyOutsideLearnsTheNodesName) {
    client.address = IpAddress::v4(203, 0, 113, 9);
    const Seen seen = with(option(EdnsOption::kNsid, {}));
    EXPECT_EQ(seen.rcode, "REFUSED");
    EXPECT_FALSE(find(seen, EdnsOption::kNsid));
}

TEST_F(QuestionOptions, KeepaliveIsToldToConnectionsThatAsk) {
    const Packet packet =
        ask({.name = "immich.home", .options = option(EdnsOption::kTcpKeepalive, {})});
    QueryContext where = context();
    EXPECT_FALSE(find(see(octets(packet, where)), EdnsOption::kTcpKeepalive));
    where.path.transport = Transport::kTcp;
    where.keepalive = 100;
    EXPECT_EQ(find(see(octets(packet, where)), EdnsOption::kTcpKeepalive), (Packet{0, 100}));
    EXPECT_FALSE(find(see(octets(ask({.name = "immich.home"}), where)), EdnsOption::kTcpKeepalive));
}

TEST_F(QuestionOptions, AnswersArePaddedWhereNobodyElseReads) {
    for (const auto via : {Transport::kUdp, Transport::kTcp, Transport::kTls, Transport::kHttps}) {
        QueryContext where = context();
        where.path.transport = via;
        for (const char* qname : {"immich.home", "ads.example", "nothing.home"}) {
            const Packet answer = octets(
                ask({.name = qname, .options = option(EdnsOption::kPadding, {0, 0})}), where);
            const bool secret = via == Transport::kTls || via == Transport::kHttps;
            EXPECT_TRUE(see(answer).valid);
            EXPECT_EQ(answer.size() % kPaddingBlock == 0, secret) << qname;
            const Packet plain = octets(ask({.name = qname}), where);
            EXPECT_NE(plain.size() % kPaddingBlock, 0U);
        }
    }
}

TEST_F(QuestionOptions, ForwardedAnswersCarryThemToo) {
    transport = Transport::kTls;
    Packet options = option(EdnsOption::kPadding, {});
    for (const auto& more :
         {option(EdnsOption::kCookie, kClientCookie), option(EdnsOption::kNsid, {})})
        options.insert(options.end(), more.begin(), more.end());
    (void)query({.name = "www.example", .options = options});
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], {.answers = {"www.example. 300 IN A 192.0.2.80"}});
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].packet.size() % kPaddingBlock, 0U);
    EXPECT_TRUE(find(reply(), EdnsOption::kCookie));
    EXPECT_EQ(find(reply(), EdnsOption::kNsid), (Packet{'p', 'i', '5'}));
}

TEST_F(QuestionOptions, TruncatedAnswersKeepThem) {
    const Packet packet = ask({.name = "big.example",
                               .udp_size = 512,
                               .options = option(EdnsOption::kCookie, kClientCookie)});
    (void)query_raw(packet);
    ASSERT_FALSE(sent.empty());
    Say big;
    for (int i = 0; i < 40; ++i)
        big.answers.push_back("big.example. 300 IN A 192.0.2." + std::to_string(i));
    answer(sent[0], big);
    EXPECT_TRUE(reply().tc);
    EXPECT_TRUE(find(reply(), EdnsOption::kCookie));
    EXPECT_LE(replies[0].packet.size(), 512U);
}

TEST_F(QuestionOptions, WhoAsksTooMuchOverUdpIsSentToTcp) {
    limit_to(2, LimitAnswer::kTruncate);
    EXPECT_FALSE(with({}).tc);
    EXPECT_FALSE(with({}).tc);
    const Seen third = with({});
    EXPECT_TRUE(third.tc);
    EXPECT_TRUE(third.answers.empty());
    transport = Transport::kTcp;
    EXPECT_EQ(with({}).answers.size(), 1U);
    EXPECT_EQ(with({}).answers.size(), 1U);
    EXPECT_EQ(with({}).rcode, "REFUSED");
    EXPECT_EQ(logged().back().outcome.reason, Reason::kLimited);
}

TEST_F(QuestionOptions, WhoAsksTooMuchWithACookieGetsOneThatHelps) {
    limit_to(1, LimitAnswer::kTruncate);
    (void)with({});
    const Seen bad = with(option(EdnsOption::kCookie, kClientCookie));
    EXPECT_EQ(bad.extended_rcode, 1U);  // BADCOOKIE is 23: 7 and the upper bits
    EXPECT_TRUE(bad.answers.empty());
    const auto cookie = find(bad, EdnsOption::kCookie);
    ASSERT_TRUE(cookie);
    EXPECT_EQ(with(option(EdnsOption::kCookie, *cookie)).answers.size(), 1U);
}

TEST_F(QuestionOptions, LimitsMayRefuseOrKeepSilent) {
    limit_to(1, LimitAnswer::kRefused);
    (void)with({});
    const Seen refused = with({});
    EXPECT_EQ(refused.rcode, "REFUSED");
    EXPECT_EQ(refused.ede, 18);
    limit_to(1, LimitAnswer::kDrop);
    (void)with({});
    EXPECT_FALSE(with({}).valid);
}

}  // namespace
}  // namespace hearth::dns::test
