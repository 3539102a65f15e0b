// One connection under TLS, and the socket beneath it.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"
#include "proxy/io/tls_wire.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kRecord = 16 * 1024;
constexpr std::size_t kMostGathered = 8 * kRecord;

SSL* as_ssl(void* ssl) { return static_cast<SSL*>(ssl); }

// What OpenSSL makes of octets that are no TLS.
bool is_no_record(int reason) noexcept {
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG;
}

// As much of it as goes into a record; small parts are joined in `space`.
std::string_view next_record(const Outgoing& out, std::array<char, kRecord>& space) noexcept {
    const auto parts = out.parts();
    if (parts.size() == 1 || parts[0].size() >= kRecord) return parts[0].substr(0, kRecord);
    std::size_t size = 0;
    for (const std::string_view part : parts) {
        const std::size_t fits = std::min(part.size(), kRecord - size);
        std::copy_n(part.data(), fits, space.data() + size);
        size += fits;
    }
    return {space.data(), size};
}

}  // namespace

// --- the socket ---

SocketMethod::SocketMethod()
    : method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")) {
    BIO_meth_set_read(method_, read);
    BIO_meth_set_write(method_, write);
    BIO_meth_set_ctrl(method_, control);
}

SocketMethod::~SocketMethod() { BIO_meth_free(method_); }

bool SocketMethod::attach(SSL* ssl, TlsChannel::Wire& wire) noexcept {
    BIO* bio = BIO_new(method_);
    if (ssl == nullptr || bio == nullptr) {
        SSL_free(ssl);
        BIO_free(bio);
        return false;
    }
    wire.method = this;
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, &wire);
    return true;
}

int SocketMethod::read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& wire = *static_cast<TlsChannel::Wire*>(BIO_get_data(bio));
    const ssize_t got = ::recv(wire.fd, into, static_cast<std::size_t>(size), 0);
    wire.drained = got < size;
    wire.ended = got == 0;
    wire.error = got < 0 ? errno : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        wire.drained = errno == EAGAIN;
        BIO_set_retry_read(bio);
    }
    return static_cast<int>(got);
}

int SocketMethod::write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    auto& wire = *static_cast<TlsChannel::Wire*>(BIO_get_data(bio));
    const auto octets = static_cast<std::size_t>(size);
    if (wire.gathering || wire.holding || !wire.unsent.empty()) {
        (wire.gathering ? wire.method->gathered : wire.unsent).append(from, octets);
        return size;
    }
    const ssize_t sent = ::send(wire.fd, from, octets, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

long SocketMethod::control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

IoStatus TlsChannel::Wire::send_unsent() noexcept {
    const ssize_t sent = ::send(fd, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? IoStatus::kWouldBlock : IoStatus::kFailed;
    unsent.erase(0, static_cast<std::size_t>(sent));
    if (!unsent.empty()) return IoStatus::kWouldBlock;
    unsent.shrink_to_fit();
    return IoStatus::kMoved;
}

// --- the connection ---

TlsChannel::TlsChannel(void* ssl, std::unique_ptr<Wire> wire) : ssl_(ssl), wire_(std::move(wire)) {}

TlsChannel::~TlsChannel() { SSL_free(as_ssl(ssl_)); }

IoResult TlsChannel::status_of(int result) noexcept {
    switch (SSL_get_error(as_ssl(ssl_), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return {IoStatus::kWouldBlock, 0};
        case SSL_ERROR_ZERO_RETURN: return {IoStatus::kEnd, 0};
        default: break;
    }
    const unsigned long error = ERR_peek_error();
    ERR_clear_error();
    // An end without close_notify: HTTP's own framing tells whether something is missing.
    if (error == 0 && wire_->ended) return {IoStatus::kEnd, 0};
    spoke_http_ = ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
    met_other_ = !open_ && is_no_record(ERR_GET_REASON(error));
    lacks_protocol_ = ERR_GET_REASON(error) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL;
    return {IoStatus::kFailed, 0};
}

IoResult TlsChannel::handshake() noexcept {
    Wire& wire = *wire_;
    if (!wire.unsent.empty() && wire.send_unsent() == IoStatus::kFailed)
        return {IoStatus::kFailed, 0};
    ERR_clear_error();
    wire.holding = true;
    const int result = SSL_do_handshake(as_ssl(ssl_));
    wire.holding = false;
    if (result != 1 || SSL_is_server(as_ssl(ssl_)) == 0) send_held();
    if (result != 1) return status_of(result);
    open_ = true;
    if (wire_->client) read_certificate(ssl_, *wire_->client);
    return {IoStatus::kMoved, 0};
}

void TlsChannel::send_held() noexcept {
    if (wire_->owed == 0 && !wire_->unsent.empty()) (void)wire_->send_unsent();
}

const ClientAuth* TlsChannel::client_auth() const noexcept { return wire_->client.get(); }

bool TlsChannel::was_resumed() const noexcept { return SSL_session_reused(as_ssl(ssl_)) == 1; }

bool TlsChannel::speaks_http2() const noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(as_ssl(ssl_), &name, &size);
    return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

IoResult TlsChannel::read(std::span<char> room) noexcept {
    ERR_clear_error();
    std::size_t octets = 0;
    const int result = SSL_read_ex(as_ssl(ssl_), room.data(), room.size(), &octets);
    return result == 1 ? IoResult{IoStatus::kMoved, octets} : status_of(result);
}

// Records are sealed one by one and sent together: a call for each would wake the reader for each.
IoResult TlsChannel::write(const Outgoing& out) noexcept {
    Wire& wire = *wire_;
    if (wire.owed == 0) {
        const IoResult sealed = seal(out);
        if (sealed.status != IoStatus::kMoved) return sealed;
        std::string& records = wire.method->gathered;
        const ssize_t sent = ::send(wire.fd, records.data(), records.size(), MSG_NOSIGNAL);
        wire.unsent = std::string();
        if (sent == static_cast<ssize_t>(records.size())) return sealed;
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return {IoStatus::kFailed, 0};
        wire.unsent.assign(records, static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
        wire.owed = sealed.octets;
        return {IoStatus::kWouldBlock, 0};
    }
    const IoStatus sent = wire.send_unsent();
    return {sent, sent == IoStatus::kMoved ? std::exchange(wire.owed, 0) : 0};
}

// From the front of `out` into SocketMethod::gathered.
IoResult TlsChannel::seal(const Outgoing& out) noexcept {
    std::string& records = wire_->method->gathered;
    records = wire_->unsent;
    wire_->gathering = true;
    std::size_t written = 0;
    int result = 1;
    for (Outgoing rest = out; result == 1 && !rest.empty() && records.size() < kMostGathered;) {
        ERR_clear_error();
        std::array<char, kRecord> space;
        const std::string_view piece = next_record(rest, space);
        std::size_t octets = 0;
        result = SSL_write_ex(as_ssl(ssl_), piece.data(), piece.size(), &octets);
        written += octets;
        rest.advance(octets);
    }
    wire_->gathering = false;
    return result == 1 ? IoResult{IoStatus::kMoved, written} : status_of(result);
}

void TlsChannel::end_writing() noexcept {
    if (!open_) return;
    ERR_clear_error();
    SSL_shutdown(as_ssl(ssl_));
    ERR_clear_error();
    if (!wire_->unsent.empty()) (void)wire_->send_unsent();
}

int TlsChannel::socket_error() const noexcept { return wire_->error; }

bool TlsChannel::is_drained() const noexcept {
    return wire_->drained && SSL_has_pending(as_ssl(ssl_)) == 0;
}

void TlsChannel::note_arrival() noexcept { wire_->drained = false; }

bool TlsChannel::covers(std::string_view host) const noexcept {
    return wire_->store && wire_->certificate && wire_->store->find(host) == wire_->certificate;
}

bool TlsChannel::is_misdirected(std::string_view host) const noexcept {
    if (covers(host)) return false;
    if (wire_->store && wire_->store->find(host)) return true;
    const char* asked = SSL_get_servername(as_ssl(ssl_), TLSEXT_NAMETYPE_host_name);
    return asked != nullptr && !equals_ignoring_case(host_of(asked), host);
}

}  // namespace hearth::proxy
