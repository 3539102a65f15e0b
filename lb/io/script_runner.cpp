#include "lb/io/script_runner.h"

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "lb/io/script_keeper.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOctets = 4096;
constexpr std::size_t kMostScripts = 64;  // at a time; the others count as failed
constexpr uid_t kNobody = 65'534;
constexpr int kWakeEvery = 10;  // milliseconds, while a script runs

// What goes over the connection, one record a message; both ends are this program.
struct Order {
    std::uint32_t id = 0;
    std::uint32_t timeout_ms = 0;  // the arguments follow, each with its final NUL
};
struct Outcome {
    std::uint32_t id = 0;
    ScriptResult result = ScriptResult::kBad;
};

// --- the process that runs them -----------------------------------------------------------------

void drop_everything() {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) _exit(1);
    for (int capability = 0; capability <= 63; ++capability)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (geteuid() == 0) {
        const bool is_nobody = setgroups(0, nullptr) == 0 &&
                               setresgid(kNobody, kNobody, kNobody) == 0 &&
                               setresuid(kNobody, kNobody, kNobody) == 0;
        if (!is_nobody) _exit(1);
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    // Where a sandbox refuses that, they go when a script is executed: nothing hands them on.
    syscall(SYS_capset, &header, none.data());
}

struct Running {
    std::uint32_t id = 0;
    Clock::time_point deadline;
    bool is_late = false;  // and is being ended
};

class ScriptProcess {
public:
    explicit ScriptProcess(int socket) : socket_(socket) {}

    [[noreturn]] void serve() {
        while (true) {
            pollfd event{socket_, POLLIN, 0};
            const int ready = poll(&event, 1, running_.empty() ? -1 : kWakeEvery);
            if (ready > 0 && !take_order()) break;
            reap();
        }
        _exit(0);  // their keepers end what runs
    }

private:
    // False when the daemon is gone.
    bool take_order() {
        std::array<char, kMostOctets> record{};
        const auto size = recv(socket_, record.data(), record.size(), MSG_DONTWAIT);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size <= static_cast<ssize_t>(sizeof(Order))) return false;
        Order order;
        std::memcpy(&order, record.data(), sizeof order);
        record.back() = '\0';
        std::vector<char*> argv;
        for (char* at = record.data() + sizeof order; at < record.data() + size;
             at += std::strlen(at) + 1)
            argv.push_back(at);
        argv.push_back(nullptr);
        begin(order, argv);
        return true;
    }

    void begin(const Order& order, const std::vector<char*>& argv) {
        const pid_t pid = running_.size() < kMostScripts ? fork() : -1;
        if (pid == 0) keep_script(argv);
        if (pid < 0) return report(order.id, ScriptResult::kBad);
        running_[pid] = {order.id, Clock::now() + std::chrono::milliseconds(order.timeout_ms)};
    }

    // What takes too long is told of at once: its end may be waited for, too.
    void reap() {
        for (auto script = running_.begin(); script != running_.end();) {
            auto& [pid, state] = *script;
            int status = 0;
            const bool has_ended = waitpid(pid, &status, WNOHANG) != 0;
            if (!state.is_late && !has_ended && Clock::now() < state.deadline) {
                ++script;
                continue;
            }
            if (!state.is_late) {
                const bool is_good = has_ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
                report(state.id, is_good ? ScriptResult::kGood : ScriptResult::kBad);
                if (!has_ended) kill(pid, SIGTERM);
                state.is_late = true;
            }
            script = has_ended ? running_.erase(script) : std::next(script);
        }
    }

    void report(std::uint32_t id, ScriptResult result) const {
        const Outcome outcome{id, result};
        (void)send(socket_, &outcome, sizeof outcome, MSG_NOSIGNAL);
    }

    int socket_;
    std::map<pid_t, Running> running_;  // by their keepers
};

}  // namespace

Result<runtime::FileDescriptor> start_script_process() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(Error::from_errno("scripts", errno));
    runtime::FileDescriptor ours(ends[0]);
    runtime::FileDescriptor theirs(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return fail(Error::from_errno("scripts", errno));
    if (pid > 0) return ours;
    prctl(PR_SET_NAME, "hearth-scripts", 0, 0, 0);
    setsid();
    const int socket = theirs.release();
    ours.reset();
    drop_everything();
    block_keeper_signals();
    ScriptProcess(socket).serve();
}

// --- the daemon's side --------------------------------------------------------------------------

struct ScriptRunner::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::FileDescriptor process)
        : loop(l), descriptor(l.context(), process.release()) {}

    void wait() {
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || self->closed) return;
                                  if (self->take_outcomes()) self->wait();
                              });
    }

    // False when the process is gone: everything fails from then on.
    bool take_outcomes() {
        while (true) {
            Outcome outcome;
            const auto size =
                recv(descriptor.native_handle(), &outcome, sizeof outcome, MSG_DONTWAIT);
            if (size < 0 && errno == EAGAIN) return true;
            if (size != sizeof outcome) break;
            finish(outcome.id, outcome.result);
        }
        while (!waiting.empty()) finish(waiting.begin()->first, ScriptResult::kBad);
        return false;
    }

    void finish(std::uint32_t id, ScriptResult result) {
        const auto found = waiting.find(id);
        if (found == waiting.end()) return;
        auto done = std::move(found->second);
        waiting.erase(found);
        done(result);
    }

    runtime::EventLoop& loop;
    boost::asio::posix::stream_descriptor descriptor;
    std::map<std::uint32_t, std::function<void(ScriptResult)>> waiting;
    std::uint32_t last_id = 0;
    bool closed = false;
};

ScriptRunner::ScriptRunner(runtime::EventLoop& loop, runtime::FileDescriptor process)
    : impl_(std::make_shared<Impl>(loop, std::move(process))) {
    impl_->wait();
}

ScriptRunner::~ScriptRunner() {
    impl_->closed = true;
    impl_->waiting.clear();
    boost::system::error_code ignored;
    impl_->descriptor.close(ignored);
}

void ScriptRunner::run(const std::vector<std::string>& argv, Duration timeout,
                       std::function<void(ScriptResult)> done) {
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    const Order order{++impl_->last_id, static_cast<std::uint32_t>(whole.count())};
    std::string record(reinterpret_cast<const char*>(&order), sizeof order);
    for (const std::string& word : argv) record.append(word.c_str(), word.size() + 1);
    impl_->waiting.emplace(order.id, std::move(done));
    const bool is_sent = record.size() < kMostOctets &&
                         send(impl_->descriptor.native_handle(), record.data(), record.size(),
                              MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(record.size());
    if (is_sent) return;
    impl_->loop.post([self = impl_, id = order.id] { self->finish(id, ScriptResult::kBad); });
}

}  // namespace hearth::lb
