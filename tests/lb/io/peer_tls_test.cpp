#include "lb/io/peer_tls.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <optional>
#include <string>

#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

using runtime::EventLoop;
using runtime::FileDescriptor;

PeerKey key_of(std::uint8_t fill) {
    PeerKey key{};
    key.fill(fill);
    return key;
}

// Two ends over a socket pair; everything but the waiting happens on the loop.
class PeerTlsTest : public testing::Test {
protected:
    struct End {
        std::unique_ptr<PeerTls> tls;
        bool open = false;
        std::string received;
        std::optional<Error> closed;
    };

    void SetUp() override { loop_.start(); }
    void TearDown() override {
        loop_.run_and_wait([this] {
            dialled_.tls.reset();
            accepted_.tls.reset();
        });
    }

    void connect(const PeerKey& one, const PeerKey& other) {
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        loop_.run_and_wait([&] {
            make(dialled_, fds[0], PeerEnd::kDialled, one);
            make(accepted_, fds[1], PeerEnd::kAccepted, other);
        });
    }

    void make(End& end, int fd, PeerEnd role, const PeerKey& key) {
        PeerTls::Handlers handlers;
        handlers.on_open = [&end] { end.open = true; };
        handlers.on_data = [&end](ByteView bytes) { end.received += as_text(bytes); };
        handlers.on_closed = [&end](const Error& error) { end.closed = error; };
        end.tls = std::make_unique<PeerTls>(loop_, FileDescriptor(fd), role, key, handlers);
    }

    template <class Predicate>
    bool wait_for(Predicate&& predicate) {
        for (int i = 0; i < 5000; ++i) {
            bool reached = false;
            loop_.run_and_wait([&] { reached = predicate(); });
            if (reached) return true;
            usleep(1000);
        }
        return false;
    }

    EventLoop loop_{"test"};
    End dialled_;
    End accepted_;
};

TEST_F(PeerTlsTest, SameKeyOpensAndCarriesBothWays) {
    connect(key_of(7), key_of(7));
    ASSERT_TRUE(wait_for([&] { return dialled_.open && accepted_.open; }));
    const std::string large(200'000, 'x');
    loop_.run_and_wait([&] {
        dialled_.tls->send(as_bytes(large));
        accepted_.tls->send(as_bytes("hello"));
    });
    EXPECT_TRUE(wait_for([&] { return accepted_.received == large; }));
    EXPECT_TRUE(wait_for([&] { return dialled_.received == "hello"; }));
}

TEST_F(PeerTlsTest, OtherKeyIsRefusedAtBothEnds) {
    connect(key_of(7), key_of(8));
    ASSERT_TRUE(wait_for([&] { return dialled_.closed && accepted_.closed; }));
    EXPECT_FALSE(dialled_.open);
    EXPECT_FALSE(accepted_.open);
    EXPECT_EQ(accepted_.closed->code, Errc::kRefused);
}

TEST_F(PeerTlsTest, OrderlyEndIsToldToTheOther) {
    connect(key_of(7), key_of(7));
    ASSERT_TRUE(wait_for([&] { return dialled_.open && accepted_.open; }));
    loop_.run_and_wait([&] {
        dialled_.tls->send(as_bytes("bye"));
        dialled_.tls->close();
    });
    ASSERT_TRUE(wait_for([&] { return accepted_.closed.has_value(); }));
    EXPECT_EQ(accepted_.received, "bye");
    EXPECT_EQ(accepted_.closed->code, Errc::kUnavailable);
    EXPECT_FALSE(dialled_.closed) << "who closes is not told";
}

TEST_F(PeerTlsTest, GarbageInsteadOfTlsIsRefused) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    loop_.run_and_wait([&] { make(accepted_, fds[0], PeerEnd::kAccepted, key_of(7)); });
    const std::string text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    ASSERT_EQ(write(fds[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_TRUE(wait_for([&] { return accepted_.closed.has_value(); }));
    EXPECT_EQ(accepted_.closed->code, Errc::kRefused);
    close(fds[1]);
}

}  // namespace
}  // namespace hearth::lb
