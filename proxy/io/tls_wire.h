#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "proxy/io/tls.h"

namespace hearth::proxy {

class SocketMethod;

// The socket as OpenSSL sees it. For the files that use OpenSSL.
struct TlsChannel::Wire {
    int fd = -1;
    bool drained = false;    // the last recv() took all there was
    bool ended = false;      // … for no more will come
    int error = 0;           // of the last recv() that failed
    bool gathering = false;  // records wait in method->gathered, to leave in one call
    bool holding = false;    // … in unsent, likewise
    SocketMethod* method = nullptr;
    std::string unsent;    // records that are held, or that the kernel did not take …
    std::size_t owed = 0;  // … with so many octets of the caller's, who is told when they have left
    std::shared_ptr<const CertificateStore> store;
    std::optional<std::size_t> certificate;    // in `store`
    std::shared_ptr<const ClientTrust> trust;  // until the ClientHello has come
    std::unique_ptr<ClientAuth> client;        // where a certificate was asked for

    // As much as the kernel takes of `unsent`: kMoved when that was all.
    [[nodiscard]] IoStatus send_unsent() noexcept;
};

// How OpenSSL reads and writes a socket: remembers whether the kernel had more. Outlives its
// channels; one per thread.
class SocketMethod {
public:
    SocketMethod();
    SocketMethod(const SocketMethod&) = delete;
    SocketMethod& operator=(const SocketMethod&) = delete;
    ~SocketMethod();

    // Takes `ssl` over a socket; false, and freed, when memory is short.
    [[nodiscard]] bool attach(SSL* ssl, TlsChannel::Wire& wire) noexcept;

    std::string gathered;

private:
    static int read(BIO* bio, char* into, int size);
    static int write(BIO* bio, const char* from, int size);
    static long control(BIO* bio, int command, long number, void* pointer);

    BIO_METHOD* method_;
};

}  // namespace hearth::proxy
