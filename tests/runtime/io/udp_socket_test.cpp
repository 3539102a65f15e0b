#include "runtime/udp_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"
#include "runtime/socket_address.h"

namespace hearth::runtime {
namespace {

// A client with a blocking socket that gives up after ten seconds.
class Client {
public:
    explicit Client(const Endpoint& server, const Endpoint& local = {}) {
        const int family = server.address.is_v4() ? AF_INET : AF_INET6;
        fd_.reset(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const timeval timeout{10, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        if (local != Endpoint{}) {
            const SocketAddress address = to_socket_address(local);
            EXPECT_EQ(::bind(fd_.get(), &address.any, address.size), 0);
        }
        // Connected: an answer from another address than the one asked does not arrive.
        const SocketAddress address = to_socket_address(server);
        EXPECT_EQ(::connect(fd_.get(), &address.any, address.size), 0);
    }
    void send(const std::string& text) {
        EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
    }
    std::string receive() {
        std::string text(65536, '\0');
        const ssize_t size = ::recv(fd_.get(), text.data(), text.size(), 0);
        text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return size < 0 ? "nothing came" : text;
    }
    [[nodiscard]] Endpoint local() const { return local_endpoint(fd_.get()); }

private:
    FileDescriptor fd_;
};

class UdpSocketTest : public testing::Test {
protected:
    ~UdpSocketTest() override {
        loop_.stop();
        loop_.join();
        socket_.reset();
    }
    void echo_on(const Endpoint& local, const UdpOptions& options = {}) {
        auto socket = UdpSocket::bind(loop_, local, options);
        ASSERT_TRUE(socket) << socket.error().to_string();
        socket_ = std::move(*socket);
        socket_->start([this](UdpBatch& batch) {
            largest_batch_ = std::max(largest_batch_, batch.size());
            for (std::size_t i = 0; i < batch.size(); ++i) {
                const Datagram& in = batch[i];
                last_path_ = in.path;
                const std::string text =
                    (in.truncated ? "cut:" : "") + std::string(as_text(in.payload));
                if (text == "silence") continue;
                std::copy(text.begin(), text.end(), batch.reply_space(i).begin());
                batch.reply(i, text.size());
            }
        });
        loop_.start();
    }
    // On the loop, so that what it wrote is seen.
    UdpPath last_path() {
        UdpPath path;
        loop_.run_and_wait([&] { path = last_path_; });
        return path;
    }

    EventLoop loop_{"udp-test"};
    std::unique_ptr<UdpSocket> socket_;
    UdpPath last_path_;
    std::size_t largest_batch_ = 0;
};

TEST_F(UdpSocketTest, AnswersInPlace) {
    echo_on({IpAddress::v4(127, 0, 0, 1), 0});
    Client client(socket_->local());
    client.send("hello");
    EXPECT_EQ(client.receive(), "hello");
    const UdpPath path = last_path();
    EXPECT_EQ(path.peer, client.local());
    EXPECT_EQ(path.local, IpAddress::v4(127, 0, 0, 1));
    EXPECT_EQ(path.ifindex, 1U);  // lo
}

TEST_F(UdpSocketTest, AnswersOnlyWhatItWants) {
    echo_on({IpAddress::v4(127, 0, 0, 1), 0});
    Client client(socket_->local());
    client.send("silence");
    client.send("spoken");
    EXPECT_EQ(client.receive(), "spoken");
}

TEST_F(UdpSocketTest, WildcardAnswersFromTheAddressThatWasAsked) {
    echo_on({IpAddress(), 0});
    for (const std::uint8_t last : {std::uint8_t{1}, std::uint8_t{77}}) {
        const Endpoint asked{IpAddress::v4(127, 0, 0, last), socket_->local().port};
        Client client(asked, {IpAddress::v4(127, 0, 0, 9), 0});
        client.send("hello");
        EXPECT_EQ(client.receive(), "hello");
        EXPECT_EQ(last_path().local, asked.address);
    }
}

TEST_F(UdpSocketTest, LateAnswerTakesTheSamePath) {
    echo_on({IpAddress(), 0});
    Client client({IpAddress::v4(127, 0, 0, 77), socket_->local().port},
                  {IpAddress::v4(127, 0, 0, 9), 0});
    client.send("now");
    EXPECT_EQ(client.receive(), "now");
    loop_.run_and_wait([&] { EXPECT_TRUE(socket_->send(last_path_, as_bytes("later"))); });
    EXPECT_EQ(client.receive(), "later");
}

TEST_F(UdpSocketTest, Ipv6) {
    const auto loopback = IpAddress::parse("::1");
    echo_on({*loopback, 0});
    Client client(socket_->local());
    client.send("six");
    EXPECT_EQ(client.receive(), "six");
    EXPECT_EQ(last_path().local, *loopback);
}

TEST_F(UdpSocketTest, Ipv6Wildcard) {
    echo_on({*IpAddress::parse("::"), 0});
    Client client({*IpAddress::parse("::1"), socket_->local().port});
    client.send("six");
    EXPECT_EQ(client.receive(), "six");
}

TEST_F(UdpSocketTest, LongDatagramsComeTruncated) {
    UdpOptions options;
    options.receive_size = 100;
    echo_on({IpAddress::v4(127, 0, 0, 1), 0}, options);
    Client client(socket_->local());
    client.send(std::string(101, 'x'));
    EXPECT_EQ(client.receive(), "cut:" + std::string(100, 'x'));
    client.send(std::string(100, 'y'));
    EXPECT_EQ(client.receive(), std::string(100, 'y'));
}

TEST_F(UdpSocketTest, EmptyDatagramIsHarmless) {
    echo_on({IpAddress::v4(127, 0, 0, 1), 0});
    Client client(socket_->local());
    client.send("");
    client.send("after");
    EXPECT_EQ(client.receive(), "after");
}

TEST_F(UdpSocketTest, ManyAtOnceComeInBatches) {
    UdpOptions options;
    options.batch = 8;
    echo_on({IpAddress::v4(127, 0, 0, 1), 0}, options);
    Client client(socket_->local());
    constexpr int kCount = 200;
    // Held up, so that all are waiting when it goes on.
    loop_.run_and_wait([&] {
        for (int i = 0; i < kCount; ++i) client.send(std::to_string(i));
    });
    for (int i = 0; i < kCount; ++i) EXPECT_EQ(client.receive(), std::to_string(i));
    EXPECT_EQ(largest_batch_, 8U);
}

TEST_F(UdpSocketTest, AddressesThatAreNotOursYetCanBeBound) {
    auto socket = UdpSocket::bind(loop_, {*IpAddress::parse("192.0.2.53"), 0});
    EXPECT_TRUE(socket) << socket.error().to_string();
}

TEST_F(UdpSocketTest, PortHeldByAnotherProgramIsAConflict) {
    const FileDescriptor holder(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = to_socket_address({IpAddress::v4(127, 0, 0, 1), 0});
    ASSERT_EQ(::bind(holder.get(), &address.any, address.size), 0);
    auto socket = UdpSocket::bind(loop_, local_endpoint(holder.get()));
    ASSERT_FALSE(socket);
    EXPECT_EQ(socket.error().code, Errc::kConflict);
    EXPECT_NE(socket.error().detail.find("ss -lnp"), std::string::npos);
}

TEST_F(UdpSocketTest, MayBeDestroyedWhileDatagramsWait) {
    echo_on({IpAddress::v4(127, 0, 0, 1), 0});
    Client client(socket_->local());
    loop_.run_and_wait([&] {
        client.send("lost");
        socket_.reset();
    });
    loop_.run_and_wait([] {});
}

}  // namespace
}  // namespace hearth::runtime
