#pragma once

#include <openssl/types.h>
#include <openssl/x509.h>

namespace hearth::proxy {

// A certificate, its issuers and its key. For what uses OpenSSL.
struct KeyPair {
    X509* certificate = nullptr;
    STACK_OF(X509) * chain = nullptr;
    EVP_PKEY* key = nullptr;

    KeyPair() = default;
    KeyPair(const KeyPair&) = delete;
    KeyPair& operator=(const KeyPair&) = delete;
    ~KeyPair() {
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
        EVP_PKEY_free(key);
    }
};

}  // namespace hearth::proxy
