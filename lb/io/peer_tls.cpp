#include "lb/io/peer_tls.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::lb {
namespace {

using runtime::FileDescriptor;
using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::string_view kIdentity = "hearth-lb";
constexpr std::size_t kMaxQueued = 512U << 10;
constexpr Duration kHandshakeWithin = 3s;

struct ContextDeleter {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct SslDeleter {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

// The key as the session that TLS 1.3 resumes from. Null when OpenSSL lacks memory.
SSL_SESSION* make_session(SSL* ssl, const PeerKey& key) {
    static constexpr unsigned char kAes128GcmSha256[2] = {0x13, 0x01};
    const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, kAes128GcmSha256);
    SSL_SESSION* session = SSL_SESSION_new();
    if (session == nullptr || cipher == nullptr ||
        SSL_SESSION_set1_master_key(session, key.data(), key.size()) != 1 ||
        SSL_SESSION_set_cipher(session, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(session);
        return nullptr;
    }
    return session;
}

const PeerKey& key_of(SSL* ssl) { return *static_cast<const PeerKey*>(SSL_get_app_data(ssl)); }

int offer_key(SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* id_size,
              SSL_SESSION** session) {
    *id = reinterpret_cast<const unsigned char*>(kIdentity.data());
    *id_size = kIdentity.size();
    *session = make_session(ssl, key_of(ssl));
    return *session == nullptr ? 0 : 1;
}

int find_key(SSL* ssl, const unsigned char* id, std::size_t id_size, SSL_SESSION** session) {
    const bool ours = as_text({id, id_size}) == kIdentity;
    *session = ours ? make_session(ssl, key_of(ssl)) : nullptr;
    return 1;  // with no session the handshake fails for want of a certificate
}

SSL_CTX* make_context() {
    SSL_CTX* context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_psk_use_session_callback(context, offer_key);
    SSL_CTX_set_psk_find_session_callback(context, find_key);
    return context;
}

// One for the process: it holds nothing of a key.
SSL_CTX* shared_context() {
    static const std::unique_ptr<SSL_CTX, ContextDeleter> context(make_context());
    return context.get();
}

void set_no_delay(int fd) { runtime::set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

}  // namespace

// --- dialling ---------------------------------------------------------------------------------

namespace {

struct Dial : std::enable_shared_from_this<Dial> {
    using Done = std::function<void(DialOutcome, FileDescriptor)>;

    Dial(runtime::EventLoop& loop, int fd, Done d)
        : descriptor(loop.context(), fd), timer(loop.context()), done(std::move(d)) {}

    void wait(Duration timeout) {
        timer.expires_after(timeout);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error) self->finish(DialOutcome::kUnreachable);
        });
        descriptor.async_wait(Descriptor::wait_write,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (!error) self->connected();
                              });
    }

    void connected() {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(descriptor.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) return finish(DialOutcome::kConnected);
        finish(error == ECONNREFUSED ? DialOutcome::kRefused : DialOutcome::kUnreachable);
    }

    void finish(DialOutcome outcome) {
        if (!done) return;
        timer.cancel();
        FileDescriptor fd(descriptor.release());
        if (outcome != DialOutcome::kConnected) fd.reset();
        std::exchange(done, nullptr)(outcome, std::move(fd));
    }

    Descriptor descriptor;
    boost::asio::steady_timer timer;
    Done done;
};

}  // namespace

void dial_peer(runtime::EventLoop& loop, const IpAddress& local, const Endpoint& peer,
               Duration timeout, std::function<void(DialOutcome, FileDescriptor)> done) {
    FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto from = runtime::to_socket_address({local, 0});
    const auto to = runtime::to_socket_address(peer);
    // The other side knows us by this address.
    const bool bound = fd && bind(fd.get(), &from.any, from.size) == 0;
    const bool begun = bound && (connect(fd.get(), &to.any, to.size) == 0 || errno == EINPROGRESS);
    if (!begun) {
        const auto outcome =
            bound && errno == ECONNREFUSED ? DialOutcome::kRefused : DialOutcome::kUnreachable;
        loop.post([done = std::move(done), outcome] { done(outcome, FileDescriptor{}); });
        return;
    }
    set_no_delay(fd.get());
    std::make_shared<Dial>(loop, fd.release(), std::move(done))->wait(timeout);
}

// --- TLS --------------------------------------------------------------------------------------

struct PeerTls::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& loop, FileDescriptor socket, const PeerKey& k, Handlers h)
        : key(k),
          descriptor(loop.context(), socket.release()),
          timer(loop.context()),
          ssl(SSL_new(shared_context())),
          handlers(std::move(h)) {}

    void begin(PeerEnd end) {
        SSL_set_app_data(ssl.get(), &key);
        SSL_set_fd(ssl.get(), descriptor.native_handle());
        if (end == PeerEnd::kDialled)
            SSL_set_connect_state(ssl.get());
        else
            SSL_set_accept_state(ssl.get());
        timer.expires_after(kHandshakeWithin);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->open) self->fail_with(Errc::kTimeout, "no TLS handshake");
        });
        wait(Descriptor::wait_read, reading);
        handshake();
    }

    void handshake() {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl.get());
        if (result != 1) return after(result);
        // A server that shows a certificate instead of knowing the key is nobody we know.
        if (SSL_session_reused(ssl.get()) != 1)
            return fail_with(Errc::kRefused, "the other side does not know the peer key");
        open = true;
        timer.cancel();
        const auto call = handlers.on_open;  // may destroy the handlers
        call();
        if (!closed) pump();
    }

    // Later, for whoever sends may not be told meanwhile that the connection is gone.
    void flush_later() {
        if (std::exchange(flushing, true)) return;
        boost::asio::post(descriptor.get_executor(), [self = shared_from_this()] {
            self->flushing = false;
            if (self->queued.size() > kMaxQueued)
                return self->fail_with(Errc::kTimeout, "the other side does not read");
            if (self->open) self->flush();
        });
    }

    // Reads and writes as far as the socket goes.
    void pump() {
        std::array<std::uint8_t, 4096> buffer;
        const auto call = handlers.on_data;  // may destroy the handlers
        while (!closed) {
            ERR_clear_error();
            const int size = SSL_read(ssl.get(), buffer.data(), buffer.size());
            if (size <= 0) {
                after(size);
                break;
            }
            call({buffer.data(), static_cast<std::size_t>(size)});
        }
        if (!closed) flush();
    }

    void flush() {
        while (!closed && !queued.empty()) {
            ERR_clear_error();
            const int size = SSL_write(ssl.get(), queued.data(), static_cast<int>(queued.size()));
            if (size <= 0) return after(size);
            queued.erase(queued.begin(), queued.begin() + size);
        }
    }

    void after(int result) {
        switch (SSL_get_error(ssl.get(), result)) {
            case SSL_ERROR_WANT_READ: return;  // always waited for
            case SSL_ERROR_WANT_WRITE: return wait(Descriptor::wait_write, writing);
            case SSL_ERROR_ZERO_RETURN: return fail_with(Errc::kUnavailable, "closed");
            case SSL_ERROR_SYSCALL: return fail_with(Errc::kUnavailable, "connection lost");
            default: break;
        }
        const unsigned long code = ERR_peek_error();
        if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return fail_with(Errc::kUnavailable, "connection lost");
        std::array<char, 160> text{};
        ERR_error_string_n(code, text.data(), text.size());
        fail_with(open ? Errc::kInvalid : Errc::kRefused, text.data());
    }

    void wait(Descriptor::wait_type type, bool& waiting) {
        if (waiting || closed) return;
        waiting = true;
        descriptor.async_wait(type, [self = shared_from_this(), type,
                                     &waiting](const boost::system::error_code& error) {
            waiting = false;
            if (error || self->closed) return;
            self->open ? self->pump() : self->handshake();
            if (type == Descriptor::wait_read) self->wait(type, waiting);
        });
    }

    void fail_with(Errc code, std::string detail) {
        if (closed) return;
        const auto call = std::move(handlers.on_closed);
        shut();
        call(Error{code, "peer", std::move(detail)});
    }

    void shut() {
        closed = true;
        timer.cancel();
        boost::system::error_code ignored;
        descriptor.close(ignored);
        handlers = {};
    }

    PeerKey key;
    Descriptor descriptor;
    boost::asio::steady_timer timer;
    std::unique_ptr<SSL, SslDeleter> ssl;
    Handlers handlers;
    std::vector<std::uint8_t> queued;
    bool open = false;
    bool closed = false;
    bool reading = false;
    bool writing = false;
    bool flushing = false;
};

PeerTls::PeerTls(runtime::EventLoop& loop, FileDescriptor socket, PeerEnd end, const PeerKey& key,
                 Handlers handlers)
    : impl_(std::make_shared<Impl>(loop, std::move(socket), key, std::move(handlers))) {
    // The handshake must not call a handler before the caller has stored this object.
    loop.post([impl = impl_, end] {
        if (!impl->closed) impl->begin(end);
    });
}

PeerTls::~PeerTls() {
    if (!impl_->closed) impl_->shut();
}

void PeerTls::send(ByteView bytes) {
    if (impl_->closed || impl_->queued.size() > kMaxQueued) return;
    impl_->queued.insert(impl_->queued.end(), bytes.begin(), bytes.end());
    impl_->flush_later();
}

void PeerTls::close() {
    if (impl_->closed) return;
    impl_->handlers.on_closed = [](const Error&) {};
    if (impl_->open) {
        impl_->flush();
        if (!impl_->closed) SSL_shutdown(impl_->ssl.get());
    }
    if (!impl_->closed) impl_->shut();
}

}  // namespace hearth::lb
