#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/io/byte_stream.h"

// TLS over a socket, as a ByteStream; OpenSSL behind it.
namespace hearth::dns {

enum class TlsUse : std::uint8_t { kDot, kDoh };  // which ALPN is agreed on (RFC 7858, RFC 8484)

// What a server shows: made from files, replaced as a whole; connections keep the one they began
// with. May be shared by threads.
class TlsIdentity {
public:
    // The certificate with its chain and its key, PEM. The error names the file and what to do: a
    // file that cannot be read, a key of another certificate, a certificate that has ended.
    [[nodiscard]] static Result<std::shared_ptr<const TlsIdentity>> load(
        const std::string& certificate, const std::string& key);

    TlsIdentity(const TlsIdentity&) = delete;
    TlsIdentity& operator=(const TlsIdentity&) = delete;
    ~TlsIdentity();

    [[nodiscard]] std::int64_t not_after() const noexcept;  // seconds since 1970
    [[nodiscard]] bool covers(const std::string& host) const noexcept;

    struct Impl;
    [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

private:
    explicit TlsIdentity(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// The server's side of a connection: the handshake takes place within it. `buffer` outlives the
// stream. Null when memory is short.
[[nodiscard]] std::unique_ptr<ByteStream> make_tls_server_stream(
    runtime::EventLoop& loop, runtime::FileDescriptor socket, ReadBuffer& buffer,
    const std::shared_ptr<const TlsIdentity>& identity, TlsUse use);

// Whom a client believes: the authorities of the system, and those of a PEM file besides. May be
// shared by threads.
class TlsTrust {
public:
    // `more` may be empty. The error names the file and what to do.
    [[nodiscard]] static Result<std::shared_ptr<const TlsTrust>> load(const std::string& more);

    TlsTrust(const TlsTrust&) = delete;
    TlsTrust& operator=(const TlsTrust&) = delete;
    ~TlsTrust();

    struct Impl;
    [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

private:
    explicit TlsTrust(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// What a server gave for resuming a session with it (RFC 8446 §2.2); kept by who opens the
// connections, for one server.
class TlsTicket;
// With `pins`, SHA-256 of public keys (RFC 7858 §4.2), a certificate with one of these keys is
// believed and no other, whoever signed it, for whatever name and time.
[[nodiscard]] std::shared_ptr<TlsTicket> make_tls_ticket(std::vector<std::string> pins = {});

// The client's side of a connection that may still be under way: the handshake takes place within
// it, and what is written before its end waits for it. The server must show a certificate for
// `host`, a name or an address. As long as the clock is plainly wrong (before this program was
// written), dates are not looked at: a machine without a battery learns the time by asking for a
// time server's name. Null when memory is short.
[[nodiscard]] std::unique_ptr<ByteStream> make_tls_client_stream(
    runtime::EventLoop& loop, runtime::FileDescriptor socket, ReadBuffer& buffer,
    const std::shared_ptr<const TlsTrust>& trust, const std::string& host, TlsUse use,
    const std::shared_ptr<TlsTicket>& ticket);

}  // namespace hearth::dns
