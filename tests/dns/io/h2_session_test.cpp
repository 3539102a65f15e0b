#include "dns/io/h2_session.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth::dns {
namespace {

class Recorder final : public H2Events {
public:
    void on_message(std::int32_t stream, const H2Message& message) override {
        messages[stream] = message;
        if (answer_with != nullptr) answer_with->respond(stream, reply_to(message));
    }
    void on_stream_closed(std::int32_t stream) override { closed.push_back(stream); }

    static H2Session::Response reply_to(const H2Message& message) {
        return {200, "application/dns-message", 17, message.body};
    }

    H2Session* answer_with = nullptr;
    std::map<std::int32_t, H2Message> messages;
    std::vector<std::int32_t> closed;
};

// A client and a server joined by memory; octets travel in pieces of `piece`.
class Pair {
public:
    explicit Pair(std::size_t piece = 1U << 20, const H2Limits& limits = {})
        : server(H2Session::Side::kServer, at_server, limits),
          client(H2Session::Side::kClient, at_client),
          piece_(piece) {
        at_server.answer_with = &server;
    }

    bool exchange() {
        bool good = true;
        bool moved = true;
        while (moved && good) {
            moved = carry(client, server, good);
            moved = (good && carry(server, client, good)) || moved;
        }
        return good;
    }

    Recorder at_server;
    Recorder at_client;
    H2Session server;
    H2Session client;

private:
    bool carry(H2Session& from, H2Session& to, bool& good) const {
        std::vector<std::uint8_t> octets;
        from.take_output(octets);
        for (std::size_t at = 0; at < octets.size() && good; at += piece_)
            good = to.feed(ByteView(octets).subspan(at, std::min(piece_, octets.size() - at)));
        return !octets.empty();
    }

    std::size_t piece_;
};

const std::vector<std::uint8_t> kQuestion{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

TEST(H2Session, CarriesQuestionsAndAnswersWhereverTheOctetsAreCut) {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 65536U}) {
        Pair pair(piece);
        const auto stream = pair.client.request({"dns.home", "/dns-query", kQuestion});
        ASSERT_TRUE(stream);
        ASSERT_TRUE(pair.exchange());
        const H2Message& asked = pair.at_server.messages.at(*stream);
        EXPECT_EQ(asked.method, "POST");
        EXPECT_EQ(asked.path, "/dns-query");
        EXPECT_EQ(asked.authority, "dns.home");
        EXPECT_EQ(asked.content_type, "application/dns-message");
        EXPECT_EQ(asked.body, kQuestion);
        const H2Message& answered = pair.at_client.messages.at(*stream);
        EXPECT_EQ(answered.status, 200);
        EXPECT_EQ(answered.content_type, "application/dns-message");
        EXPECT_EQ(answered.body, kQuestion);
        EXPECT_EQ(pair.at_client.closed, std::vector{*stream});
        EXPECT_EQ(pair.at_server.closed, std::vector{*stream});
        EXPECT_EQ(pair.server.open_streams(), 0U);
    }
}

TEST(H2Session, AnswersInAnyOrder) {
    Pair pair;
    pair.at_server.answer_with = nullptr;
    const auto first = pair.client.request({"dns.home", "/dns-query", kQuestion});
    const auto second = pair.client.request({"dns.home", "/dns-query", kQuestion});
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(pair.exchange());
    pair.server.respond(*second, {200, "application/dns-message", std::nullopt, kQuestion});
    ASSERT_TRUE(pair.exchange());
    EXPECT_TRUE(pair.at_client.messages.contains(*second));
    EXPECT_FALSE(pair.at_client.messages.contains(*first));
    pair.server.respond(*first, {503, "", std::nullopt, {}});
    ASSERT_TRUE(pair.exchange());
    EXPECT_EQ(pair.at_client.messages.at(*first).status, 503);
}

TEST(H2Session, CarriesTheLargestMessage) {
    Pair pair;
    const std::vector<std::uint8_t> large(65'535, 7);
    const auto stream = pair.client.request({"dns.home", "/dns-query", large});
    ASSERT_TRUE(stream);
    ASSERT_TRUE(pair.exchange());
    EXPECT_EQ(pair.at_client.messages.at(*stream).body, large);
}

TEST(H2Session, TakesNoMoreStreamsThanThePeerAllows) {
    Pair pair(1U << 20, {.streams = 3});
    pair.at_server.answer_with = nullptr;
    ASSERT_TRUE(pair.exchange());  // SETTINGS
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(pair.client.request({"dns.home", "/dns-query", kQuestion}));
    EXPECT_FALSE(pair.client.accepts_requests());
    EXPECT_FALSE(pair.client.request({"dns.home", "/dns-query", kQuestion}));
}

TEST(H2Session, ResetsWhatIsTooLong) {
    Pair pair(1U << 20, {.body = 8});
    const auto stream = pair.client.request({"dns.home", "/dns-query", kQuestion});
    ASSERT_TRUE(stream);
    ASSERT_TRUE(pair.exchange());
    EXPECT_TRUE(pair.at_server.messages.empty());
    EXPECT_TRUE(pair.at_client.messages.empty());
    EXPECT_EQ(pair.at_client.closed, std::vector{*stream});
}

TEST(H2Session, EndsWithWhoOpensStreamsOnlyToTakeThemBack) {
    Pair pair(1U << 20, {.resets_per_session = 5});
    pair.at_server.answer_with = nullptr;
    bool good = true;
    for (int i = 0; i < 10 && good; ++i) {
        const auto stream = pair.client.request({"dns.home", "/dns-query", kQuestion});
        ASSERT_TRUE(stream);
        ASSERT_TRUE(pair.exchange());
        pair.client.cancel(*stream);
        good = pair.exchange();
    }
    EXPECT_FALSE(good);
}

TEST(H2Session, FinishesWhatIsOpenAfterGoaway) {
    Pair pair;
    pair.at_server.answer_with = nullptr;
    const auto stream = pair.client.request({"dns.home", "/dns-query", kQuestion});
    ASSERT_TRUE(pair.exchange());
    pair.server.shut_down();
    ASSERT_TRUE(pair.exchange());
    EXPECT_FALSE(pair.client.accepts_requests());
    EXPECT_FALSE(pair.server.finished());
    pair.server.respond(*stream, {200, "application/dns-message", 1, kQuestion});
    ASSERT_TRUE(pair.exchange());
    EXPECT_EQ(pair.at_client.messages.at(*stream).body, kQuestion);
    EXPECT_TRUE(pair.server.finished());
    EXPECT_TRUE(pair.client.finished());
}

TEST(H2Session, RefusesWhatIsNotHttp2) {
    Recorder events;
    H2Session server(H2Session::Side::kServer, events);
    static constexpr std::string_view kHttp1 = "GET / HTTP/1.1\r\nHost: dns.home\r\n\r\n";
    EXPECT_FALSE(server.feed(as_bytes(kHttp1)));
}

}  // namespace
}  // namespace hearth::dns
