#include "dns/io/stream_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

using namespace std::chrono_literals;
using runtime::FileDescriptor;

constexpr int kPatienceMs = 10'000;

// A server that answers each question with itself, or never.
class StreamServerTest : public testing::Test {
protected:
    void serve(const StreamLimits& limits, bool answers = true) {
        server.emplace(loop, limits,
                       StreamServer::Calls{[this, answers](const StreamServer::Question& question) {
                                               ++asked;
                                               if (answers)
                                                   server->reply(question.path, question.packet);
                                           },
                                           [] {}});
        const auto bound = server->listen({IpAddress::v4(127, 0, 0, 1), 0}, Transport::kTcp);
        ASSERT_TRUE(bound);
        at = *bound;
        loop.start();
    }
    void TearDown() override {
        loop.stop();
        loop.join();
        server.reset();
    }

    // A buffer made smaller after connecting shrinks a window that was offered already: both sides
    // then drop each other's segments and wait for ever longer.
    [[nodiscard]] FileDescriptor connect(int receive_buffer = 0) const {
        FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (receive_buffer != 0)
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        const auto address = runtime::to_socket_address(at);
        EXPECT_EQ(::connect(fd.get(), &address.any, address.size), 0);
        return fd;
    }
    static void ask(const FileDescriptor& fd, int times = 1) {
        std::vector<std::uint8_t> octets;
        for (int i = 0; i < times; ++i) {
            octets.resize(octets.size() + 14);
            octets[octets.size() - 13] = 12;
        }
        EXPECT_EQ(::send(fd.get(), octets.data(), octets.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(octets.size()));
    }
    // What comes next: octets, 0 at the end, -1 when nothing does in time.
    static ssize_t next(const FileDescriptor& fd, int patience_ms = kPatienceMs) {
        pollfd waiting{fd.get(), POLLIN, 0};
        if (::poll(&waiting, 1, patience_ms) <= 0) return -1;
        std::uint8_t buffer[4096];
        return std::max<ssize_t>(::recv(fd.get(), buffer, sizeof buffer, 0), 0);
    }

    runtime::EventLoop loop{"streams"};
    std::optional<StreamServer> server;
    Endpoint at;
    std::atomic<int> asked{0};
};

TEST_F(StreamServerTest, ClosesWhoIsSilent) {
    serve({.idle = 300ms});
    const auto silent = connect();
    EXPECT_EQ(next(silent), 0);
}

TEST_F(StreamServerTest, TheOneThatWasSilentLongestMakesRoom) {
    serve({.connections = 2});
    const auto first = connect();
    ask(first);
    EXPECT_EQ(next(first), 14);
    const auto second = connect();
    ask(second);
    EXPECT_EQ(next(second), 14);
    ask(first);
    EXPECT_EQ(next(first), 14);
    const auto third = connect();
    ask(third);
    EXPECT_EQ(next(third), 14);
    EXPECT_EQ(next(second), 0);
    ask(first);
    EXPECT_EQ(next(first), 14);
}

TEST_F(StreamServerTest, OneClientHasItsShareOfConnections) {
    serve({.connections_per_client = 1});
    const auto first = connect();
    ask(first);
    EXPECT_EQ(next(first), 14);
    const auto second = connect();
    EXPECT_EQ(next(second), 0);
}

TEST_F(StreamServerTest, ReadsNoFurtherWhileTooMuchIsUnanswered) {
    serve({.unanswered = 5}, false);
    const auto client = connect();
    ask(client, 20);
    EXPECT_EQ(next(client, 300), -1);
    EXPECT_EQ(asked, 5);
}

TEST_F(StreamServerTest, CutsOffWhoDoesNotReadItsAnswers) {
    serve({.unsent = 64U << 10});
    const auto client = connect(4096);
    std::vector<std::uint8_t> octets(2 + 12);
    octets[1] = 12;
    ssize_t sent = 0;
    for (int i = 0; i < 2'000'000 && sent >= 0; ++i)
        sent = ::send(client.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    EXPECT_LT(sent, 0);
}

}  // namespace
}  // namespace hearth::dns
