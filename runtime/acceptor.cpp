#include "runtime/acceptor.h"

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>

#include "base/time.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/socket_address.h"

namespace hearth::runtime {

namespace {

constexpr int kAcceptsPerTurn = 8;  // a crowd at the door does not keep those inside waiting
constexpr Duration kOutOfDescriptorsPause = 100ms;
constexpr Duration kFullPause = 20ms;

Result<FileDescriptor> listen_tcp(const Endpoint& local, int backlog) {
    const bool v4 = local.address.is_v4();
    FileDescriptor fd(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(Error::from_errno("tcp socket", errno));
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // inherited by what it accepts
    if (v4) {
        set_option(fd.get(), IPPROTO_IP, IP_FREEBIND, 1);
    } else {
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_option(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1);
    }
    const SocketAddress address = to_socket_address(local);
    if (::bind(fd.get(), &address.any, address.size) != 0 || ::listen(fd.get(), backlog) != 0) {
        return fail(listen_error(local, "tcp", errno));
    }
    return fd;
}

bool somebody_answers(const sockaddr_un& address) {
    const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int done =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    return done == 0 || errno == EAGAIN;  // EAGAIN: alive, its backlog is full
}

Result<FileDescriptor> listen_unix(const std::filesystem::path& path, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof(address.sun_path)) {
        return fail(Errc::kTooLarge, text, "a socket's path may have at most 107 octets");
    }
    std::memcpy(address.sun_path, text.data(), text.size());
    FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(Error::from_errno(text, errno));

    struct stat found {};
    if (::lstat(text.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode)) {
            return fail(Errc::kConflict, text, "is there and is not a socket; remove it");
        }
        if (somebody_answers(address)) {
            return fail(Errc::kConflict, text, "another instance of this daemon is running");
        }
        ::unlink(text.c_str());
    }
    // Bound with no permission for anyone and opened afterwards, so that there is no moment at
    // which others may connect.
    const mode_t before = ::umask(0777);
    const int bound =
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int bind_error = errno;
    ::umask(before);
    if (bound != 0) return fail(Error::from_errno(text, bind_error));
    if (::chmod(text.c_str(), 0660) != 0 || ::listen(fd.get(), backlog) != 0) {
        return fail(Error::from_errno(text, errno));
    }
    return fd;
}

bool out_of_descriptors(int errnum) {
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

}  // namespace

struct Acceptor::State : std::enable_shared_from_this<State> {
    State(EventLoop& loop, FileDescriptor fd, const AcceptorOptions& o)
        : descriptor(loop.context()),
          pause(loop.context()),
          budget(o.budget ? o.budget : std::make_shared<ConnectionBudget>(o.max_connections)) {
        local = local_endpoint(fd.get());
        descriptor.assign(fd.release());
    }

    void wait();
    void accept_some();
    void pause_accepting();
    void wait_for_room();
    void permit_returned();

    boost::asio::posix::stream_descriptor descriptor;
    boost::asio::steady_timer pause;
    std::shared_ptr<ConnectionBudget> budget;
    Endpoint local;
    std::filesystem::path path;
    std::function<void(AcceptedConnection)> on_connection;
    std::size_t open = 0;
    bool waiting = false;  // an async_wait or the pause is under way
    bool closed = false;
    bool starved = false;  // no descriptor was left at the last attempt
};

void Acceptor::State::wait() {
    if (closed || waiting) return;
    waiting = true;
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                              self->waiting = false;
                              if (!error && !self->closed) self->accept_some();
                          });
}

void Acceptor::State::accept_some() {
    for (int i = 0; i < kAcceptsPerTurn && !closed; ++i) {
        if (!budget->take()) return wait_for_room();
        sockaddr_storage peer{};
        socklen_t size = sizeof(peer);
        FileDescriptor socket(::accept4(descriptor.native_handle(),
                                        reinterpret_cast<sockaddr*>(&peer), &size,
                                        SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            const int why = errno;
            budget->give_back();
            if (out_of_descriptors(why)) return pause_accepting();
            if (why == EAGAIN || why == EWOULDBLOCK) break;
            continue;  // that client is gone already (accept(2): treat as EAGAIN)
        }
        ++open;
        starved = false;
        ConnectionPermit permit(new std::shared_ptr<State>(shared_from_this()));
        on_connection({std::move(socket), from_socket_address(reinterpret_cast<sockaddr&>(peer)),
                       std::move(permit)});
    }
    wait();
}

void Acceptor::State::pause_accepting() {
    if (!std::exchange(starved, true)) {
        log::warn("out_of_descriptors",
                  {{"listen", path.empty() ? local.to_string() : path.string()},
                   {"open", open},
                   {"do", "raise LimitNOFILE of this unit, or lower its connection limit"}});
    }
    waiting = true;
    pause.expires_after(kOutOfDescriptorsPause);
    pause.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        self->waiting = false;
        if (!error) self->wait();
    });
}

void Acceptor::State::wait_for_room() {
    pause.expires_after(kFullPause);
    pause.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->wait();
    });
}

void Acceptor::State::permit_returned() {
    --open;
    budget->give_back();
    wait();
}

void ConnectionPermit::Release::operator()(void* state) const noexcept {
    const std::unique_ptr<std::shared_ptr<Acceptor::State>> held(
        static_cast<std::shared_ptr<Acceptor::State>*>(state));
    (*held)->permit_returned();
}

Result<std::unique_ptr<Acceptor>> Acceptor::listen(EventLoop& loop, const Endpoint& local,
                                                   const AcceptorOptions& options) {
    auto fd = listen_tcp(local, options.backlog);
    if (!fd) return fail(std::move(fd.error()));
    return adopt(loop, std::move(*fd), options);
}

std::unique_ptr<Acceptor> Acceptor::adopt(EventLoop& loop, FileDescriptor listening,
                                          const AcceptorOptions& options) {
    return std::unique_ptr<Acceptor>(
        new Acceptor(std::make_shared<State>(loop, std::move(listening), options)));
}

Result<std::unique_ptr<Acceptor>> Acceptor::listen(EventLoop& loop,
                                                   const std::filesystem::path& path,
                                                   const AcceptorOptions& options) {
    auto fd = listen_unix(path, options.backlog);
    if (!fd) return fail(std::move(fd.error()));
    auto state = std::make_shared<State>(loop, std::move(*fd), options);
    state->path = path;
    return std::unique_ptr<Acceptor>(new Acceptor(std::move(state)));
}

Acceptor::Acceptor(std::shared_ptr<State> state) : state_(std::move(state)) {}

Acceptor::~Acceptor() {
    state_->closed = true;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
    state_->pause.cancel();
    state_->on_connection = nullptr;
    if (!state_->path.empty()) ::unlink(state_->path.c_str());
}

void Acceptor::start(std::function<void(AcceptedConnection)> on_connection) {
    state_->on_connection = std::move(on_connection);
    state_->wait();
}

const Endpoint& Acceptor::local() const noexcept { return state_->local; }

int Acceptor::descriptor() const noexcept { return state_->descriptor.native_handle(); }

}  // namespace hearth::runtime
