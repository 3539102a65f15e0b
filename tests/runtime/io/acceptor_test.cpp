#include "runtime/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/time.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::runtime {
namespace {

FileDescriptor connect_to(const Endpoint& server) {
    FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = to_socket_address(server);
    EXPECT_EQ(::connect(fd.get(), &address.any, address.size), 0);
    return fd;
}

// Collects connections on the loop; the test waits for their number.
class Accepted {
public:
    void add(AcceptedConnection connection) {
        const std::lock_guard lock(mutex_);
        connections_.push_back(std::move(connection));
        changed_.notify_all();
    }
    bool wait_for(std::size_t count, Duration deadline = 10s) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, deadline, [&] { return connections_.size() >= count; });
    }
    std::vector<AcceptedConnection> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(connections_, {});
    }
    std::size_t size() {
        const std::lock_guard lock(mutex_);
        return connections_.size();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<AcceptedConnection> connections_;
};

class AcceptorTest : public testing::Test {
protected:
    ~AcceptorTest() override {
        loop_.stop();
        loop_.join();
        static_cast<void>(accepted_.take());
        acceptor_.reset();
    }
    void listen(const AcceptorOptions& options = {}) {
        auto made = Acceptor::listen(loop_, Endpoint{IpAddress::v4(127, 0, 0, 1), 0}, options);
        ASSERT_TRUE(made) << made.error().to_string();
        acceptor_ = std::move(*made);
        acceptor_->start([this](AcceptedConnection c) { accepted_.add(std::move(c)); });
        loop_.start();
    }
    // Permits go back on the loop.
    void close_all() {
        loop_.run_and_wait([this] { static_cast<void>(accepted_.take()); });
    }

    EventLoop loop_{"acceptor-test"};
    std::unique_ptr<Acceptor> acceptor_;
    Accepted accepted_;
};

TEST_F(AcceptorTest, HandsOutNonBlockingSocketsWithTheirPeer) {
    listen();
    const FileDescriptor client = connect_to(acceptor_->local());
    ASSERT_TRUE(accepted_.wait_for(1));
    const auto connections = accepted_.take();
    EXPECT_EQ(connections[0].peer, local_endpoint(client.get()));
    EXPECT_NE(::fcntl(connections[0].socket.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(connections[0].socket.get(), F_GETFD) & FD_CLOEXEC, 0);
    loop_.stop();
    loop_.join();
}

TEST_F(AcceptorTest, StopsAtItsLimitAndGoesOn) {
    AcceptorOptions options;
    options.max_connections = 2;
    listen(options);
    std::vector<FileDescriptor> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(connect_to(acceptor_->local()));
    ASSERT_TRUE(accepted_.wait_for(2));
    loop_.run_and_wait([] {});
    EXPECT_EQ(accepted_.size(), 2U);
    close_all();
    ASSERT_TRUE(accepted_.wait_for(2));
    close_all();
    ASSERT_TRUE(accepted_.wait_for(1));
}

TEST_F(AcceptorTest, SharesABudgetWithAcceptorsOfOtherLoops) {
    AcceptorOptions options;
    options.budget = std::make_shared<ConnectionBudget>(3);
    EventLoop other_loop("other");
    auto other = Acceptor::listen(other_loop, Endpoint{IpAddress::v4(127, 0, 0, 1), 0}, options);
    ASSERT_TRUE(other) << other.error().to_string();
    Accepted others;
    (*other)->start([&](AcceptedConnection c) { others.add(std::move(c)); });
    other_loop.start();
    listen(options);

    std::vector<FileDescriptor> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(connect_to((*other)->local()));
    ASSERT_TRUE(others.wait_for(3)) << "one may have all";
    clients.push_back(connect_to(acceptor_->local()));
    clients.push_back(connect_to(acceptor_->local()));
    EXPECT_FALSE(accepted_.wait_for(1, 100ms));
    other_loop.run_and_wait([&] { static_cast<void>(others.take()); });
    EXPECT_TRUE(accepted_.wait_for(2)) << "what one gives back the other takes";
    other_loop.stop();
    other_loop.join();
}

#if !defined(__SANITIZE_ADDRESS__)
// UBSan looks at objects through a pipe of its own, which this test does not leave it.
TEST_F(AcceptorTest, WaitsWithoutSpinningWhenDescriptorsRunOut) {
    listen();
    const FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const FileDescriptor next_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(next_free.get());
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const SocketAddress address = to_socket_address(acceptor_->local());
    ASSERT_EQ(::connect(client.get(), &address.any, address.size), 0);
    rusage used_before{};
    rusage used_after{};
    getrusage(RUSAGE_SELF, &used_before);
    EXPECT_FALSE(accepted_.wait_for(1, 250ms));
    getrusage(RUSAGE_SELF, &used_after);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(accepted_.wait_for(1));
    const auto microseconds = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
    EXPECT_LT(microseconds(used_after.ru_utime) - microseconds(used_before.ru_utime), 100'000);
}

#endif

TEST_F(AcceptorTest, PermitMayOutliveTheAcceptor) {
    listen();
    const FileDescriptor client = connect_to(acceptor_->local());
    ASSERT_TRUE(accepted_.wait_for(1));
    loop_.run_and_wait([this] { acceptor_.reset(); });
    close_all();
}

class UnixAcceptorTest : public AcceptorTest {
protected:
    UnixAcceptorTest() {
        char name[] = "/tmp/hearth-acceptor-XXXXXX";
        directory_ = ::mkdtemp(name);
        path_ = directory_ / "x.sock";
    }
    ~UnixAcceptorTest() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path directory_;
    std::filesystem::path path_;
};

TEST_F(UnixAcceptorTest, MakesItsFileAndRemovesIt) {
    {
        const auto acceptor = Acceptor::listen(loop_, path_);
        ASSERT_TRUE(acceptor) << acceptor.error().to_string();
        EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0660));
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixAcceptorTest, RefusesToTakeALivingOnesPlace) {
    const auto first = Acceptor::listen(loop_, path_);
    ASSERT_TRUE(first);
    const auto second = Acceptor::listen(loop_, path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::kConflict);
}

TEST_F(UnixAcceptorTest, LeavesWhatIsNotASocketAlone) {
    const FileDescriptor file(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const auto acceptor = Acceptor::listen(loop_, path_);
    ASSERT_FALSE(acceptor);
    EXPECT_EQ(acceptor.error().code, Errc::kConflict);
    EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UnixAcceptorTest, RefusesPathsThatDoNotFit) {
    const auto acceptor = Acceptor::listen(loop_, directory_ / std::string(200, 'x'));
    ASSERT_FALSE(acceptor);
    EXPECT_EQ(acceptor.error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace hearth::runtime
