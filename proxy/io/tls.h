#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/core/outgoing.h"
#include "proxy/io/certificate_store.h"
#include "proxy/io/client_trust.h"
#include "proxy/io/io_result.h"
#include "proxy/model/service.h"
#include "proxy/model/tls.h"
#include "runtime/file_descriptor.h"

namespace hearth::proxy {

class TicketKeys;

// The keys that seal session tickets (RFC 8446 §4.6.1), made here and never written to a disk. All
// workers share them; a new one every 12 h, the one before still opens. `memory`: a file without a
// name that outlives the process, so that sessions do; may be none.
[[nodiscard]] std::shared_ptr<TicketKeys> make_ticket_keys(runtime::FileDescriptor memory);

// One side of a TLS connection over a non-blocking socket that it does not own.
class TlsChannel {
public:
    struct Wire;  // the socket

    TlsChannel(const TlsChannel&) = delete;
    TlsChannel& operator=(const TlsChannel&) = delete;
    ~TlsChannel();

    // kMoved once it is done. After kFailed, spoke_http() may say why. A server's last words (its
    // ticket) are held, to leave with the first write() or by send_held().
    [[nodiscard]] IoResult handshake() noexcept;
    void send_held() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return open_; }
    [[nodiscard]] bool spoke_http() const noexcept { return spoke_http_; }
    [[nodiscard]] bool was_resumed() const noexcept;
    // Null where no certificate was asked for.
    [[nodiscard]] const ClientAuth* client_auth() const noexcept;
    [[nodiscard]] bool speaks_http2() const noexcept;  // agreed by ALPN

    [[nodiscard]] IoResult read(std::span<char> room) noexcept;
    // Small parts leave in one record, as many records as there are in one call. After kWouldBlock
    // the same octets are to be written again, more may follow them.
    [[nodiscard]] IoResult write(const Outgoing& out) noexcept;
    // Says close_notify (RFC 8446 §6.1): what was sent is everything.
    void end_writing() noexcept;

    // Nothing is left in our buffers, and the socket had no more the last time it was asked.
    [[nodiscard]] bool is_drained() const noexcept;
    // The kernel's, after kFailed; 0 when it was not the socket that failed.
    [[nodiscard]] int socket_error() const noexcept;
    // The handshake failed because the peer speaks nothing of what was offered (RFC 7301 §3.2).
    [[nodiscard]] bool lacks_protocol() const noexcept { return lacks_protocol_; }
    // The handshake failed because what came was no TLS.
    [[nodiscard]] bool met_other() const noexcept { return met_other_; }
    // The socket has more since: it is to be asked again.
    void note_arrival() noexcept;
    // The certificate shown to the client is the one for `host`.
    [[nodiscard]] bool covers(std::string_view host) const noexcept;
    // `host` is another name's business (RFC 9110 §15.5.20): another certificate has it, or none
    // and the client connected for another name. One that it named itself, or none, stays.
    [[nodiscard]] bool is_misdirected(std::string_view host) const noexcept;

private:
    friend class TlsContext;
    friend class TlsClientContext;
    TlsChannel(void* ssl, std::unique_ptr<Wire> wire);

    [[nodiscard]] IoResult status_of(int result) noexcept;
    [[nodiscard]] IoResult seal(const Outgoing& out) noexcept;

    void* ssl_;  // SSL
    std::unique_ptr<Wire> wire_;
    bool open_ = false;
    bool spoke_http_ = false;
    bool lacks_protocol_ = false;
    bool met_other_ = false;
};

// What one worker needs to accept TLS connections; used on its thread alone, for OpenSSL's objects
// contend when threads share them.
class TlsContext {
public:
    explicit TlsContext(std::shared_ptr<TicketKeys> tickets);
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    // For the handshakes from now on.
    void adopt(std::shared_ptr<const CertificateStore> store, UnknownName unknown);
    [[nodiscard]] const CertificateStore& store() const noexcept;

    // Null when memory is short. The context must outlive the channel's handshake.
    [[nodiscard]] std::unique_ptr<TlsChannel> accept(
        int fd, std::shared_ptr<const ClientTrust> trust) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// What one worker needs to make TLS connections to upstreams.
class TlsClientContext {
public:
    TlsClientContext();
    TlsClientContext(const TlsClientContext&) = delete;
    TlsClientContext& operator=(const TlsClientContext&) = delete;
    ~TlsClientContext();

    // Null when the authorities cannot be read or memory is short.
    enum class Offer : std::uint8_t { kHttp1, kHttp2Too };
    [[nodiscard]] std::unique_ptr<TlsChannel> connect(int fd, const UpstreamSecurity& security,
                                                      Offer offer);
    // Authorities that were read; connections stay.
    void forget();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::proxy
