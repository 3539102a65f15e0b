#include "proxy/core/exchange.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace hearth::proxy {
namespace {

using Verdict = Exchange::Verdict;
using Connection = Exchange::UpstreamConnection;

const TimePoint kStart{std::chrono::hours(1)};

std::string text_of(const Outgoing& out) {
    std::string text;
    for (const auto part : out.parts()) text += part;
    return text;
}

// Plays both sockets: what is fed arrives, what is written is collected.
class Wire {
public:
    // Begins with a request head; what follows it in `request` is the client's, too.
    explicit Wire(const std::string& request, std::size_t endpoints = 1) : client_(request) {
        EXPECT_EQ(parser_.parse(client_), ParseStatus::kDone) << describe(parser_.refusal());
        exchange.begin(parser_.head(), {IpAddress::v4(10, 0, 0, 7), "10.0.0.7", false}, {},
                       endpoints, head_space_, now);
        client_.erase(0, parser_.consumed());
    }

    void connected(Connection connection = Connection::kFresh) {
        exchange.upstream_ready(connection, now);
        pump();
    }
    void from_client(const std::string& text) {
        client_ += text;
        pump();
    }
    void from_upstream(const std::string& text) {
        upstream_ += text;
        pump();
    }
    void stall_client() { client_writable_ = false; }
    void resume_client() {
        client_writable_ = true;
        pump();
    }

    void pump() {
        bool moved = true;
        while (moved && exchange.verdict() == Verdict::kGoOn) {
            moved = take_client();
            moved |= send_upstream();
            moved |= take_upstream();
            moved |= send_client();
        }
    }

    Exchange exchange;
    TimePoint now = kStart;
    std::string to_upstream;
    std::string to_client;
    [[nodiscard]] const std::string& client_left() const { return client_; }

private:
    // Octets given to the exchange stay where they are until they were sent: a copy of the piece.
    bool take_client() {
        if (!exchange.wants_client_bytes() || client_.empty()) return false;
        client_piece_ = client_;
        const std::size_t used = exchange.client_bytes(client_piece_, now);
        client_.erase(0, used);
        return used > 0;
    }
    bool take_upstream() {
        if (!exchange.wants_upstream_bytes() || upstream_.empty()) return false;
        // A head may arrive in pieces: the buffer must not move while it does.
        std::copy(upstream_.begin(), upstream_.end(), upstream_piece_.begin());
        const std::size_t used = exchange.upstream_bytes(
            std::span(upstream_piece_).first(upstream_.size()), answer_space_, now);
        upstream_.erase(0, used);
        return used > 0;
    }
    bool send_upstream() {
        if (exchange.connecting() || exchange.to_upstream().empty()) return false;
        to_upstream += text_of(exchange.to_upstream());
        exchange.wrote_to_upstream(exchange.to_upstream().size(), now);
        return true;
    }
    bool send_client() {
        if (!client_writable_ || exchange.to_client().empty()) return false;
        to_client += text_of(exchange.to_client());
        exchange.wrote_to_client(exchange.to_client().size(), now);
        return true;
    }

    RequestParser parser_;
    std::string client_;
    std::string upstream_;
    std::string client_piece_;
    std::array<char, 65536> upstream_piece_{};
    std::array<char, 8192> head_space_{};
    std::array<char, 8192> answer_space_{};
    bool client_writable_ = true;
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Exchange, GetAndAnswer) {
    Wire wire(kGet);
    wire.connected();
    EXPECT_TRUE(wire.to_upstream.starts_with("GET / HTTP/1.1\r\nHost: a\r\n"));
    wire.from_upstream(kOk);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_EQ(wire.to_client, kOk);
    EXPECT_TRUE(wire.exchange.client_reusable());
    EXPECT_TRUE(wire.exchange.upstream_reusable());
    EXPECT_EQ(wire.exchange.status(), 200);
    EXPECT_EQ(wire.exchange.response_octets(), 5U);
}

TEST(Exchange, AnswerSplitAtEveryOctet) {
    for (const std::string& answer :
         {kOk, std::string("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")}) {
        for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
            Wire wire(kGet);
            wire.connected();
            wire.from_upstream(answer.substr(0, cut));
            wire.from_upstream(answer.substr(cut));
            ASSERT_EQ(wire.exchange.verdict(), Verdict::kFinished) << cut;
            EXPECT_TRUE(wire.exchange.upstream_reusable());
            EXPECT_EQ(wire.exchange.response_octets(), 5U) << cut;
            EXPECT_EQ(wire.to_client.back(), answer.back());
        }
    }
}

TEST(Exchange, BodyIsForwardedAndWhatFollowsIsNot) {
    Wire wire(kPost + "helloGET /next");
    wire.connected();
    EXPECT_TRUE(wire.to_upstream.ends_with("\r\n\r\nhello"));
    EXPECT_EQ(wire.client_left(), "GET /next");
    wire.from_upstream(kOk);
    EXPECT_TRUE(wire.exchange.client_reusable());
    EXPECT_EQ(wire.exchange.request_octets(), 5U);
}

TEST(Exchange, ChunkedBodyIsRewritten) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.connected();
    wire.to_upstream.clear();
    wire.from_client("2;ext=1\r\nhe\r\n3\r\nllo\r\n");
    EXPECT_EQ(wire.to_upstream, "5\r\nhello\r\n");
    wire.from_client("0\r\nX-Trailer: y\r\n\r\nleft");
    EXPECT_EQ(wire.to_upstream, "5\r\nhello\r\n0\r\n\r\n");
    EXPECT_EQ(wire.client_left(), "left");
}

TEST(Exchange, BadChunkEndsIt) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.connected();
    wire.from_client("2\r\nhe\r\nx");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFailed);
    EXPECT_EQ(wire.exchange.error(), (HopError{HopReason::kRefusedRequest, Refusal::kChunkSize}));
    EXPECT_FALSE(wire.exchange.upstream_reusable());
}

TEST(Exchange, UntilCloseBecomesChunked) {
    Wire wire(kGet);
    wire.connected();
    wire.from_upstream("HTTP/1.1 200 OK\r\n\r\nhello");
    wire.exchange.upstream_closed(wire.now);
    wire.pump();
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_TRUE(wire.to_client.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    EXPECT_TRUE(wire.exchange.client_reusable());
    EXPECT_FALSE(wire.exchange.upstream_reusable());
}

TEST(Exchange, Http10ClientGetsNoChunks) {
    Wire wire("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    wire.connected();
    wire.from_upstream(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_EQ(wire.to_client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
    EXPECT_FALSE(wire.exchange.client_reusable());
    EXPECT_TRUE(wire.exchange.upstream_reusable());
}

TEST(Exchange, TruncatedAnswersFail) {
    for (const std::string answer :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
        Wire wire(kGet);
        wire.connected();
        wire.from_upstream(answer);
        wire.exchange.upstream_closed(wire.now);
        EXPECT_EQ(wire.exchange.verdict(), Verdict::kFailed);
        EXPECT_EQ(wire.exchange.error().reason, HopReason::kTruncated);
        EXPECT_TRUE(wire.exchange.response_started());
    }
}

TEST(Exchange, ResetOfAnUntilCloseAnswerIsNotItsEnd) {
    Wire wire(kGet);
    wire.connected();
    wire.from_upstream("HTTP/1.1 200 OK\r\n\r\nhello");
    wire.exchange.upstream_failed(HopReason::kReset);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFailed);
}

TEST(Exchange, EarlyAnswerClosesBothSides) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
    wire.connected();
    wire.from_upstream("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_NE(wire.to_client.find("Connection: close"), std::string::npos);
    EXPECT_FALSE(wire.exchange.client_reusable());
    EXPECT_FALSE(wire.exchange.upstream_reusable());
    EXPECT_FALSE(wire.exchange.request_read());
}

TEST(Exchange, AnswerIsReadAfterTheUpstreamStoppedReading) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
    wire.connected();
    wire.exchange.upstream_write_failed();
    EXPECT_FALSE(wire.exchange.wants_client_bytes());
    wire.from_upstream("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_EQ(wire.exchange.status(), 413);
}

TEST(Exchange, ContinueIsRelayedOnlyToWhoWaits) {
    Wire waits("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    waits.connected();
    EXPECT_NE(waits.to_upstream.find("Expect: 100-continue"), std::string::npos);
    waits.from_upstream("HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(waits.to_client, "HTTP/1.1 100 Continue\r\n\r\n");
    waits.from_client("hello");
    waits.from_upstream(kOk);
    EXPECT_EQ(waits.to_client, "HTTP/1.1 100 Continue\r\n\r\n" + kOk);
    EXPECT_TRUE(waits.exchange.client_reusable());

    Wire does_not(kPost + "hello");
    does_not.connected();
    does_not.from_upstream("HTTP/1.1 100 Continue\r\n\r\n" + kOk);
    EXPECT_EQ(does_not.to_client, kOk);
}

TEST(Exchange, RefusalOfAnExpectedBody) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    wire.connected();
    wire.from_upstream("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_FALSE(wire.exchange.client_reusable()) << "the body may still come";
    EXPECT_FALSE(wire.exchange.upstream_reusable());
}

TEST(Exchange, HeadHasNoBodyWhateverItsLength) {
    Wire wire("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.connected();
    wire.from_upstream("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_NE(wire.to_client.find("Content-Length: 5"), std::string::npos);
    EXPECT_TRUE(wire.exchange.upstream_reusable());
}

TEST(Exchange, TunnelWithHalfCloses) {
    Wire wire(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    wire.connected();
    EXPECT_EQ(wire.client_left(), "early");
    wire.from_upstream(
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
    EXPECT_TRUE(wire.to_client.ends_with("Upgrade: websocket\r\n\r\nfirst"));
    EXPECT_TRUE(wire.to_upstream.ends_with("\r\n\r\nearly"));
    EXPECT_TRUE(wire.exchange.is_tunnel());
    EXPECT_EQ(wire.exchange.deadline(), kNever);

    wire.exchange.client_closed(wire.now);
    EXPECT_TRUE(wire.exchange.take_upstream_end());
    EXPECT_FALSE(wire.exchange.take_upstream_end());
    EXPECT_NE(wire.exchange.deadline(), kNever);
    wire.from_upstream("last");
    EXPECT_TRUE(wire.to_client.ends_with("last"));
    wire.exchange.upstream_closed(wire.now);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_FALSE(wire.exchange.client_reusable());
    EXPECT_FALSE(wire.exchange.upstream_reusable());
}

TEST(Exchange, UnaskedUpgradeIsRefused) {
    Wire wire(kGet);
    wire.connected();
    wire.from_upstream("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    EXPECT_EQ(wire.exchange.error(), (HopError{HopReason::kBadResponse, Refusal::kUnaskedUpgrade}));
}

TEST(Exchange, DeclinedUpgradeIsAnAnswer) {
    Wire wire("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    wire.connected();
    wire.from_upstream(kOk);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_TRUE(wire.exchange.client_reusable());
}

TEST(Exchange, StaleConnectionIsTriedAgainOnAFreshOne) {
    Wire wire(kGet);
    wire.connected(Connection::kReused);
    wire.exchange.upstream_closed(wire.now);
    ASSERT_EQ(wire.exchange.verdict(), Verdict::kRetry);
    EXPECT_TRUE(wire.exchange.needs_fresh_upstream());
    wire.exchange.try_again(wire.now);
    wire.to_upstream.clear();
    wire.connected(Connection::kFresh);
    EXPECT_TRUE(wire.to_upstream.starts_with("GET / HTTP/1.1\r\n"));
    wire.exchange.upstream_closed(wire.now);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFailed);
    EXPECT_EQ(wire.exchange.error().reason, HopReason::kClosedEarly);
}

TEST(Exchange, WhatMayHaveTakenEffectIsNotRepeated) {
    Wire post(kPost + "hello");
    post.connected(Connection::kReused);
    post.exchange.upstream_closed(post.now);
    EXPECT_EQ(post.exchange.verdict(), Verdict::kFailed);

    Wire put("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    put.connected(Connection::kReused);
    put.exchange.upstream_closed(put.now);
    EXPECT_EQ(put.exchange.verdict(), Verdict::kFailed) << "its body is gone";

    Wire answered(kGet);
    answered.connected(Connection::kReused);
    answered.from_upstream("HTTP/1.1 2");
    answered.exchange.upstream_closed(answered.now);
    EXPECT_EQ(answered.exchange.verdict(), Verdict::kFailed);

    Wire fresh(kGet, 2);
    fresh.connected(Connection::kFresh);
    fresh.exchange.upstream_closed(fresh.now);
    EXPECT_EQ(fresh.exchange.verdict(), Verdict::kFailed) << "it may have crashed over it";
}

TEST(Exchange, ConnectFailuresTryTheOthersWithTheWholeRequest) {
    Wire wire(kPost + "hello", 2);
    wire.pump();
    wire.exchange.upstream_failed(HopReason::kConnectRefused);
    ASSERT_EQ(wire.exchange.verdict(), Verdict::kRetry);
    wire.exchange.try_again(wire.now);
    EXPECT_FALSE(wire.exchange.needs_fresh_upstream());
    wire.connected();
    EXPECT_TRUE(wire.to_upstream.ends_with("hello"));

    Wire alone(kGet, 1);
    alone.exchange.upstream_failed(HopReason::kConnectRefused);
    EXPECT_EQ(alone.exchange.verdict(), Verdict::kFailed);
    EXPECT_EQ(alone.exchange.error().reason, HopReason::kConnectRefused);
}

TEST(Exchange, NothingSentOnADeadConnectionIsSentAgain) {
    Wire wire(kPost + "hello");
    wire.exchange.upstream_ready(Connection::kReused, wire.now);
    wire.exchange.upstream_write_failed();
    ASSERT_EQ(wire.exchange.verdict(), Verdict::kRetry);
    wire.exchange.try_again(wire.now);
    wire.connected();
    EXPECT_TRUE(wire.to_upstream.starts_with("POST / HTTP/1.1\r\n"));
    EXPECT_TRUE(wire.to_upstream.ends_with("hello"));
}

TEST(Exchange, DeadlinesOfEachPhase) {
    Wire wire("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(wire.exchange.deadline(), kStart + 3s);
    wire.connected();
    EXPECT_EQ(wire.exchange.deadline(), kStart + 60s) << "the body idles";
    wire.now = kStart + 50s;
    wire.from_client("hello");
    EXPECT_EQ(wire.exchange.deadline(), wire.now + 300s) << "the answer is due from now";
    wire.now = kStart + 100s;
    wire.from_upstream("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(wire.exchange.deadline(), wire.now + 60s);
    wire.exchange.on_deadline(wire.now + 59s);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kGoOn);
    wire.exchange.on_deadline(wire.now + 60s);
    EXPECT_EQ(wire.exchange.error().reason, HopReason::kTruncated);
}

TEST(Exchange, WhoIsToBlameForADeadline) {
    Wire connecting(kGet);
    connecting.exchange.on_deadline(kStart + 3s);
    EXPECT_EQ(connecting.exchange.error().reason, HopReason::kConnectTimeout);

    Wire slow_client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    slow_client.connected();
    slow_client.exchange.on_deadline(kStart + 60s);
    EXPECT_EQ(slow_client.exchange.error().reason, HopReason::kRequestTimeout);

    Wire slow_upstream(kGet);
    slow_upstream.connected();
    slow_upstream.exchange.on_deadline(kStart + 300s);
    EXPECT_EQ(slow_upstream.exchange.error().reason, HopReason::kResponseTimeout);

    Wire slow_reader(kGet);
    slow_reader.connected();
    slow_reader.stall_client();
    slow_reader.from_upstream(kOk);
    slow_reader.exchange.on_deadline(kStart + 60s);
    EXPECT_EQ(slow_reader.exchange.error().reason, HopReason::kClientGone);
}

TEST(Exchange, EventStreamsMayBeSilent) {
    Wire wire(kGet);
    wire.connected();
    wire.from_upstream(
        "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\ndata: 1\n\n");
    EXPECT_EQ(wire.exchange.deadline(), kNever);
    wire.stall_client();
    wire.from_upstream("data: 2\n\n");
    EXPECT_EQ(wire.exchange.deadline(), kStart + 60s) << "but must be read";
}

TEST(Exchange, AStalledClientStopsTheUpstream) {
    Wire wire(kGet);
    wire.connected();
    wire.stall_client();
    wire.from_upstream("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    EXPECT_FALSE(wire.exchange.wants_upstream_bytes());
    wire.resume_client();
    EXPECT_TRUE(wire.exchange.wants_upstream_bytes());
    wire.from_upstream("world");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
}

TEST(Exchange, AClientThatEndsItsSideGetsItsAnswer) {
    Wire wire(kGet);
    wire.connected();
    wire.exchange.client_closed(wire.now);
    wire.from_upstream(kOk);
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kFinished);
    EXPECT_EQ(wire.to_client, kOk);

    Wire inside_body(kPost);
    inside_body.connected();
    inside_body.exchange.client_closed(inside_body.now);
    EXPECT_EQ(inside_body.exchange.error().reason, HopReason::kClientGone);
}

TEST(Exchange, OctetsAfterTheAnswerAreLeftToTheDriver) {
    Wire wire(kGet);
    wire.connected();
    std::string answer = kOk + "HTTP/1.1 200 smuggled";
    std::array<char, 4096> space{};
    EXPECT_EQ(wire.exchange.upstream_bytes(answer, space, wire.now), kOk.size());
}

// Both sides of a call may be silent: the service before it answers, then either of them.
TEST(Exchange, ACallOfGrpcMayBeSilent) {
    std::string text =
        "POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    RequestParser parser;
    ASSERT_EQ(parser.parse(text), ParseStatus::kDone);
    parser.edit_head().version = Version::kHttp2;
    std::array<char, 4096> head{};
    std::array<char, 4096> answer{};
    Exchange exchange;
    exchange.begin(parser.head(), {IpAddress::v4(10, 0, 0, 7), "10.0.0.7", false}, {}, 1, head,
                   kStart);
    exchange.upstream_ready(Connection::kFresh, kStart);
    exchange.wrote_to_upstream(exchange.to_upstream().size(), kStart);
    EXPECT_EQ(exchange.deadline(), kStart + 300s);
    std::string answered =
        "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(exchange.upstream_bytes(answered, answer, kStart), answered.size());
    EXPECT_FALSE(exchange.take_head_to_client().empty());
    EXPECT_EQ(exchange.deadline(), kNever);
    std::string end = "0\r\ngrpc-status: 0\r\nx-last: late\r\n\r\n";
    EXPECT_EQ(exchange.upstream_bytes(end, answer, kStart), end.size());
    EXPECT_EQ(exchange.trailers_to_client(), "grpc-status: 0\r\nx-last: late\r\n");
}

TEST(Exchange, InterimAnswersMustEnd) {
    Wire wire(kGet);
    wire.connected();
    for (int i = 0; i < 100; ++i) wire.from_upstream("HTTP/1.1 102 Processing\r\n\r\n");
    EXPECT_EQ(wire.exchange.verdict(), Verdict::kGoOn);
    wire.from_upstream("HTTP/1.1 102 Processing\r\n\r\n");
    EXPECT_EQ(wire.exchange.error(), (HopError{HopReason::kBadResponse, Refusal::kTooManyInterim}));
}

TEST(Exchange, KnowsHowMuchOfTheRequestIsWithTheUpstream) {
    using Sent = Exchange::Sent;
    Wire wire("POST / HTTP/1.1\r\nHost: web.home\r\nContent-Length: 4\r\n\r\n");
    EXPECT_EQ(wire.exchange.sent(), Sent::kNothing);
    wire.connected();
    EXPECT_EQ(wire.exchange.sent(), Sent::kPart);
    wire.from_client("half");
    EXPECT_EQ(wire.exchange.sent(), Sent::kAll);
    wire.exchange.client_failed();
    EXPECT_EQ(wire.exchange.sent(), Sent::kAll);

    Wire answered("GET / HTTP/1.1\r\nHost: web.home\r\n\r\n");
    answered.connected();
    EXPECT_EQ(answered.exchange.sent(), Sent::kAll);
    answered.from_upstream("H");
    EXPECT_EQ(answered.exchange.sent(), Sent::kAnswered);

    Wire again("GET / HTTP/1.1\r\nHost: web.home\r\n\r\n");
    again.connected(Connection::kReused);
    again.exchange.upstream_failed(HopReason::kReset);
    again.exchange.try_again(again.now);
    EXPECT_EQ(again.exchange.sent(), Sent::kNothing) << "of the next attempt";
}

}  // namespace
}  // namespace hearth::proxy
