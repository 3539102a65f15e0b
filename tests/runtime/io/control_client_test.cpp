#include "runtime/control_client.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <future>

#include "runtime/acceptor.h"
#include "runtime/control_server.h"
#include "runtime/event_hub.h"
#include "runtime/event_loop.h"

namespace hearth::runtime {
namespace {

class ControlTest : public testing::Test {
protected:
    ControlTest() {
        char name[] = "/tmp/hearth-control-XXXXXX";
        directory_ = ::mkdtemp(name);
        path_ = directory_ / "x.sock";
    }
    ~ControlTest() override {
        loop_.stop();
        loop_.join();
        server_.reset();
        std::filesystem::remove_all(directory_);
    }
    void serve() {
        auto server = ControlServer::listen(loop_, hub_, path_);
        ASSERT_TRUE(server) << server.error().to_string();
        server_ = std::move(*server);
        server_->route(ControlMethod::kGet, "/hello", [](const ControlRequest& request) {
            return ControlResponse::text("hello " + std::string(request.query_or("name", "you")));
        });
        server_->route(ControlMethod::kPost, "/echo", [](const ControlRequest& request) {
            return ControlResponse::json(request.body, 202);
        });
        loop_.start();
    }

    std::filesystem::path directory_;
    std::filesystem::path path_;
    EventLoop loop_{"control-test"};
    EventHub hub_{loop_};
    std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlTest, RequestsAreAnswered) {
    serve();
    const auto hello = control_request(path_, ControlMethod::kGet, "/hello?name=a%20b");
    ASSERT_TRUE(hello) << hello.error().to_string();
    EXPECT_EQ(hello->body, "hello a b");
    const auto echo = control_request(path_, ControlMethod::kPost, "/echo", "{}");
    ASSERT_TRUE(echo);
    EXPECT_EQ(echo->status, 202);
    EXPECT_EQ(echo->body, "{}");
    EXPECT_EQ(echo->content_type, "application/json");
}

TEST_F(ControlTest, RepliesMayComeLaterFromAnotherThread) {
    serve();
    std::thread answerer;
    loop_.run_and_wait([&] {
        server_->route_async(ControlMethod::kGet, "/later",
                             [&](const ControlRequest&, ControlServer::Reply reply) {
                                 answerer = std::thread([reply = std::move(reply)] {
                                     reply(ControlResponse::text("at last"));
                                     reply(ControlResponse::text("ignored"));
                                 });
                             });
    });
    const auto answer = control_request(path_, ControlMethod::kGet, "/later");
    answerer.join();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "at last");
}

TEST_F(ControlTest, NobodyThereIsUnavailable) {
    const auto missing = control_request(path_, ControlMethod::kGet, "/status");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::kUnavailable);
    const auto too_long = control_request(std::string(200, 'x'), ControlMethod::kGet, "/status");
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, Errc::kInvalid);
}

TEST_F(ControlTest, SilentDaemonIsATimeout) {
    const auto silent = Acceptor::listen(loop_, path_);  // the backlog takes connections
    ASSERT_TRUE(silent);
    const auto answer = control_request(path_, ControlMethod::kGet, "/status", {}, 100ms);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::kTimeout);
}

TEST_F(ControlTest, AnswerThatIsNotHttpIsInvalid) {
    // Kept open: closing with the request unread would reset the connection.
    std::vector<AcceptedConnection> kept;
    auto acceptor = Acceptor::listen(loop_, path_);
    ASSERT_TRUE(acceptor);
    (*acceptor)->start([&kept](AcceptedConnection connection) {
        constexpr std::string_view kNonsense = "nonsense\r\n\r\n";
        ::send(connection.socket.get(), kNonsense.data(), kNonsense.size(), MSG_NOSIGNAL);
        ::shutdown(connection.socket.get(), SHUT_WR);
        kept.push_back(std::move(connection));
    });
    loop_.start();
    const auto answer = control_request(path_, ControlMethod::kGet, "/status");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::kInvalid) << answer.error().to_string();
    loop_.stop();
    loop_.join();
}

TEST_F(ControlTest, FollowsEventsUntilToldToStop) {
    serve();
    hub_.on_subscribe("health", [] { return std::string("first"); });
    std::vector<std::string> seen;
    const auto outcome = follow_events(path_, "/events?topic=health,n", [&](const ControlEvent& e) {
        seen.push_back(e.topic + "=" + e.data);
        if (seen.size() == 1) {
            hub_.publish("other", "not wanted");
            hub_.publish("n", "two\nlines");
        }
        return seen.size() == 2 ? Follow::kStop : Follow::kContinue;
    });
    EXPECT_TRUE(outcome);
    EXPECT_EQ(seen, (std::vector<std::string>{"health=first", "n=two lines"}));
}

TEST_F(ControlTest, StreamReportsTheEndOfTheDaemonAtOnce) {
    serve();
    EventLoop client("client");
    std::promise<void> opened;
    std::promise<Errc> closed;
    EventStream::Handlers handlers;
    handlers.on_open = [&] { opened.set_value(); };
    handlers.on_closed = [&](const Error& error) { closed.set_value(error.code); };
    auto stream = EventStream::open(client, path_, "/events?topic=health", std::move(handlers));
    client.start();
    ASSERT_EQ(opened.get_future().wait_for(10s), std::future_status::ready);
    loop_.run_and_wait([&] { server_.reset(); });
    auto end = closed.get_future();
    ASSERT_EQ(end.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(end.get(), Errc::kUnavailable);
    client.run_and_wait([&] { stream.reset(); });
}

TEST_F(ControlTest, StreamToNobodyIsClosed) {
    EventLoop client("client");
    std::promise<Errc> closed;
    EventStream::Handlers handlers;
    handlers.on_closed = [&](const Error& error) { closed.set_value(error.code); };
    auto stream = EventStream::open(client, path_, "/events", std::move(handlers));
    client.start();
    auto end = closed.get_future();
    ASSERT_EQ(end.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(end.get(), Errc::kUnavailable);
    client.run_and_wait([&] { stream.reset(); });
}

TEST_F(ControlTest, PublishingWithoutSubscribersCostsALoad) {
    serve();
    EXPECT_FALSE(hub_.wanted());
    EXPECT_FALSE(hub_.wanted("query"));
    EventHub::Subscription subscription;
    loop_.run_and_wait([&] { subscription = hub_.subscribe("query", [](auto, const auto&) {}); });
    EXPECT_TRUE(hub_.wanted());
    EXPECT_TRUE(hub_.wanted("query"));
    EXPECT_FALSE(hub_.wanted("log"));
    loop_.run_and_wait([&] { subscription.reset(); });
    EXPECT_FALSE(hub_.wanted());
}

}  // namespace
}  // namespace hearth::runtime
