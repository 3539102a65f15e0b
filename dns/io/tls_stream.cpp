#include "dns/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <ctime>
#include <utility>

#include "base/c_pointer.h"
#include "dns/io/wall_clock.h"
#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"

namespace hearth::dns {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr int kReadsPerTurn = 4;                // then the loop's other work gets a turn
constexpr std::size_t kKeptCapacity = 4 << 10;  // of a drained connection's output buffer
constexpr std::array<unsigned char, 4> kDotProtocol{3, 'd', 'o', 't'};
constexpr std::array<unsigned char, 12> kDohProtocols{2,   'h', '2', 8,   'h', 't',
                                                      't', 'p', '/', '1', '.', '1'};
// Modern clients all have TLS 1.3; of 1.2 what is still sound (RFC 9325).
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

using ContextPointer = CPointer<SSL_CTX, SSL_CTX_free>;
using SslPointer = CPointer<SSL, SSL_free>;

std::string reason() {
    std::array<char, 256> text{};
    const unsigned long code = ERR_peek_last_error();
    if (code == 0) return "unknown";
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    const char* words = ERR_reason_error_string(code);
    return words != nullptr ? words : text.data();
}

std::int64_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return timegm(&parts);
}

// Chooses the first of ours that the client has; without a common one the handshake goes on (a
// client that offers "http/1.1" alone for DoT is not worth refusing).
int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
    const auto use = static_cast<TlsUse>(reinterpret_cast<std::uintptr_t>(SSL_get_app_data(ssl)));
    const unsigned char* ours = use == TlsUse::kDot ? kDotProtocol.data() : kDohProtocols.data();
    const auto size =
        static_cast<unsigned>(use == TlsUse::kDot ? kDotProtocol.size() : kDohProtocols.size());
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours, size, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

struct TlsIdentity::Impl {
    ContextPointer context;
    std::int64_t not_after = 0;
};

TlsIdentity::TlsIdentity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const std::string& certificate,
                                                             const std::string& key) {
    ERR_clear_error();
    auto impl = std::make_unique<Impl>();
    impl->context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* context = impl->context.get();
    if (context == nullptr) return fail(Errc::kInvalid, certificate, reason());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, kCiphers12);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Connections that wait hold no buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return fail(Errc::kInvalid, certificate, "no certificate can be read there: " + reason());
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return fail(Errc::kInvalid, key,
                    "no key of the certificate can be read there: " + reason());
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(Errc::kInvalid, key, "is not the key of " + certificate);
    impl->not_after = seconds_of(X509_get0_notAfter(SSL_CTX_get0_certificate(context)));
    return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(impl)));
}

std::int64_t TlsIdentity::not_after() const noexcept { return impl_->not_after; }

bool TlsIdentity::covers(const std::string& host) const noexcept {
    return X509_check_host(SSL_CTX_get0_certificate(impl_->context.get()), host.c_str(),
                           host.size(), 0, nullptr) == 1;
}

namespace {

struct State : std::enable_shared_from_this<State> {
    // `kept` lives as long as the connection: what its SSL object refers to.
    State(runtime::EventLoop& loop, runtime::FileDescriptor socket, ReadBuffer& read_buffer,
          std::shared_ptr<const void> kept, SslPointer session)
        : keeps(std::move(kept)),
          ssl(std::move(session)),
          descriptor(loop.context(), socket.release()),
          buffer(read_buffer) {}

    enum class Step : std::uint8_t { kMoved, kWaits, kEnded };

    // What OpenSSL said of a call that did not move anything.
    Step step_of(int result) {
        switch (SSL_get_error(ssl.get(), result)) {
            case SSL_ERROR_WANT_READ: return Step::kWaits;
            case SSL_ERROR_WANT_WRITE: wait_writable(); return Step::kWaits;
            case SSL_ERROR_ZERO_RETURN: end = StreamEnd::kFinished; break;
            default: end = StreamEnd::kBroken;
        }
        note_trouble();
        return Step::kEnded;
    }

    void note_trouble() {
        const long verdict = SSL_get_verify_result(ssl.get());
        if (verdict != X509_V_OK) {
            trouble = verdict == X509_V_ERR_APPLICATION_VERIFICATION
                          ? "another key than those pinned"
                          : X509_verify_cert_error_string(verdict);
        } else if (!is_open && ERR_peek_last_error() != 0) {
            trouble = reason();
        }
        ERR_clear_error();
    }

    void wait_readable() {
        if (is_closed || is_waiting_to_read || is_paused || has_ended) return;
        is_waiting_to_read = true;
        descriptor.async_wait(Descriptor::wait_read,
                              [self = shared_from_this()](const error_code& error) {
                                  self->is_waiting_to_read = false;
                                  if (!error && !self->is_closed) self->move();
                              });
    }

    void wait_writable() {
        if (std::exchange(is_waiting_to_write, true)) return;
        descriptor.async_wait(Descriptor::wait_write,
                              [self = shared_from_this()](const error_code& error) {
                                  self->is_waiting_to_write = false;
                                  if (error || self->is_closed) return;
                                  self->flush();
                                  if (!self->is_closed) self->move();
                              });
    }

    void move() {
        if (is_open || shake_hands()) read();
        if (!is_closed) wait_readable();
    }

    bool shake_hands() {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl.get());
        if (result == 1) {
            is_open = true;
            flush();
            return !is_closed;
        }
        if (step_of(result) == Step::kEnded) ended(StreamEnd::kBroken);
        return false;
    }

    void ended(StreamEnd how) {
        has_ended = true;
        user->on_end(how);
    }

    void read() {
        for (int i = 0; !is_closed && !is_paused; ++i) {
            // What OpenSSL holds already would not make the socket readable again.
            if (i >= kReadsPerTurn && SSL_pending(ssl.get()) == 0) return;
            std::size_t count = 0;
            ERR_clear_error();
            const int result = SSL_read_ex(ssl.get(), buffer.data(), buffer.size(), &count);
            if (result != 1) {
                if (step_of(result) == Step::kEnded) ended(end);
                return;
            }
            is_dispatching = true;
            user->on_octets(ByteView(buffer).first(count));
            is_dispatching = false;
            if (!is_closed) flush();
        }
    }

    void flush() {
        if (!is_open || is_waiting_to_write || is_closed || sent == out.size()) return;
        while (sent < out.size()) {
            std::size_t count = 0;
            ERR_clear_error();
            const int result =
                SSL_write_ex(ssl.get(), out.data() + sent, out.size() - sent, &count);
            if (result != 1) {
                if (step_of(result) == Step::kEnded) ended(StreamEnd::kBroken);
                return;
            }
            sent += count;
        }
        out.clear();
        sent = 0;
        if (out.capacity() > kKeptCapacity) out.shrink_to_fit();
        user->on_drained();
    }

    void close() noexcept {
        if (std::exchange(is_closed, true)) return;
        if (is_open && !has_ended) {
            ERR_clear_error();
            SSL_shutdown(ssl.get());  // close_notify; nobody waits for theirs
            ERR_clear_error();
        }
        error_code ignored;
        descriptor.close(ignored);
    }

    std::shared_ptr<const void> keeps;
    SslPointer ssl;
    std::string trouble;
    Descriptor descriptor;
    ReadBuffer& buffer;
    ByteStream::User* user = nullptr;
    std::vector<std::uint8_t> out;
    std::size_t sent = 0;
    StreamEnd end = StreamEnd::kBroken;
    bool is_open = false;  // the handshake is done
    bool is_waiting_to_read = false;
    bool is_waiting_to_write = false;
    bool is_dispatching = false;
    bool is_paused = false;
    bool has_ended = false;
    bool is_closed = false;
};

class TlsStream final : public ByteStream {
public:
    explicit TlsStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~TlsStream() override { TlsStream::close(); }

    void start(User& user) override {
        state_->user = &user;
        // A client speaks first, once it is connected.
        if (SSL_is_server(state_->ssl.get()) == 0) return state_->wait_writable();
        state_->wait_readable();
    }
    void write(ByteView octets) override {
        state_->out.insert(state_->out.end(), octets.begin(), octets.end());
        if (!state_->is_dispatching) state_->flush();
    }
    std::size_t unsent() const noexcept override { return state_->out.size() - state_->sent; }
    void pause() noexcept override { state_->is_paused = true; }
    void resume() override {
        state_->is_paused = false;
        if (state_->is_open && SSL_pending(state_->ssl.get()) > 0) return state_->move();
        state_->wait_readable();
    }
    void close() noexcept override { state_->close(); }
    std::string_view protocol() const noexcept override {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    std::string trouble() const override { return state_->trouble; }

private:
    std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_server_stream(
    runtime::EventLoop& loop, runtime::FileDescriptor socket, ReadBuffer& buffer,
    const std::shared_ptr<const TlsIdentity>& identity, TlsUse use) {
    SslPointer ssl(SSL_new(identity->impl().context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.get()) != 1) return nullptr;
    SSL_set_app_data(ssl.get(), reinterpret_cast<void*>(static_cast<std::uintptr_t>(use)));
    SSL_set_accept_state(ssl.get());
    return std::make_unique<TlsStream>(
        std::make_shared<State>(loop, std::move(socket), buffer, identity, std::move(ssl)));
}

// --- clients ---

struct TlsTrust::Impl {
    ContextPointer context;
};

class TlsTicket {
public:
    ~TlsTicket() { SSL_SESSION_free(session); }
    SSL_SESSION* session = nullptr;
    std::vector<std::string> pins;
};

std::shared_ptr<TlsTicket> make_tls_ticket(std::vector<std::string> pins) {
    auto ticket = std::make_shared<TlsTicket>();
    ticket->pins = std::move(pins);
    return ticket;
}

TlsTrust::TlsTrust(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsTrust::~TlsTrust() = default;

namespace {

// What a client's connection keeps alive.
struct ClientKeeps {
    std::shared_ptr<const TlsTrust> trust;
    std::shared_ptr<TlsTicket> ticket;
};

// A server's new ticket; 1: the session is ours now.
int keep_ticket(SSL* ssl, SSL_SESSION* session) {
    auto* ticket = static_cast<TlsTicket*>(SSL_get_app_data(ssl));
    SSL_SESSION_free(ticket->session);
    ticket->session = session;
    return 1;
}

bool has_key_of(X509* certificate, const std::vector<std::string>& pins) {
    unsigned char* octets = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
    if (size <= 0) return false;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned digest_size = 0;
    EVP_Digest(octets, static_cast<std::size_t>(size), digest.data(), &digest_size, EVP_sha256(),
               nullptr);
    OPENSSL_free(octets);
    const auto text = as_text(ByteView(digest).first(digest_size));
    return std::find(pins.begin(), pins.end(), text) != pins.end();
}

// The last one it is called for is the server's own, and that alone counts.
int check_pins(int, X509_STORE_CTX* store) {
    if (X509_STORE_CTX_get_error_depth(store) > 0) return 1;
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* ticket = static_cast<const TlsTicket*>(SSL_get_app_data(ssl));
    const bool is_pinned = has_key_of(X509_STORE_CTX_get0_cert(store), ticket->pins);
    X509_STORE_CTX_set_error(store, is_pinned ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return is_pinned ? 1 : 0;
}

bool expect_host(SSL* ssl, const std::string& host) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) return true;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host.c_str()) == 1 &&
           SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

Result<std::shared_ptr<const TlsTrust>> TlsTrust::load(const std::string& more) {
    ERR_clear_error();
    auto impl = std::make_unique<Impl>();
    impl->context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = impl->context.get();
    if (context == nullptr) return fail(Errc::kInvalid, more, reason());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, kCiphers12);
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_ticket);
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    if (!more.empty() && SSL_CTX_load_verify_file(context, more.c_str()) != 1)
        return fail(Errc::kInvalid, more, "no certificate can be read there: " + reason());
    return std::shared_ptr<const TlsTrust>(new TlsTrust(std::move(impl)));
}

std::unique_ptr<ByteStream> make_tls_client_stream(runtime::EventLoop& loop,
                                                   runtime::FileDescriptor socket,
                                                   ReadBuffer& buffer,
                                                   const std::shared_ptr<const TlsTrust>& trust,
                                                   const std::string& host, TlsUse use,
                                                   const std::shared_ptr<TlsTicket>& ticket) {
    SslPointer ssl(SSL_new(trust->impl().context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.get()) != 1) return nullptr;
    if (!ticket->pins.empty()) {
        SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, check_pins);
    } else if (!expect_host(ssl.get(), host)) {
        return nullptr;
    }
    if (use == TlsUse::kDot) {
        SSL_set_alpn_protos(ssl.get(), kDotProtocol.data(), kDotProtocol.size());
    } else {
        SSL_set_alpn_protos(ssl.get(), kDohProtocols.data(), 3);  // "h2" alone
    }
    if (!clock_is_known())
        X509_VERIFY_PARAM_set_flags(SSL_get0_param(ssl.get()), X509_V_FLAG_NO_CHECK_TIME);
    SSL_set_app_data(ssl.get(), ticket.get());
    if (ticket->session != nullptr) SSL_set_session(ssl.get(), ticket->session);
    SSL_set_connect_state(ssl.get());
    auto keeps = std::make_shared<const ClientKeeps>(ClientKeeps{trust, ticket});
    return std::make_unique<TlsStream>(
        std::make_shared<State>(loop, std::move(socket), buffer, std::move(keeps), std::move(ssl)));
}

}  // namespace hearth::dns
