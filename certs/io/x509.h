#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "certs/model/certificate.h"

// Certificates and keys as bytes; OpenSSL behind it.
namespace hearth::certs {

// A root with its key. Immutable.
class Root {
public:
    // P-256, for the names of `domain` and private addresses, critical (RFC 5280 §4.2.1.10).
    [[nodiscard]] static Result<Root> make(const std::string& domain, const Validity& validity);
    // A root certificate and its key in PEM form, in whatever order. Errors say what is missing: a
    // certificate that may not sign, one that another signed, a key of another certificate.
    [[nodiscard]] static Result<Root> parse(std::string_view pem);

    Root(Root&&) noexcept;
    Root& operator=(Root&&) noexcept;
    ~Root();

    [[nodiscard]] const RootFacts& facts() const noexcept;
    [[nodiscard]] const std::string& certificate() const noexcept;  // PEM
    [[nodiscard]] const std::string& key() const noexcept;          // PEM, without a password

    // A new P-256 key and its certificate for a TLS server, in one PEM text.
    [[nodiscard]] Result<std::string> issue(const WantedLeaf& wanted,
                                            const Validity& validity) const;
    // The same for a TLS client that calls itself `name` (one label, so that the root's names do
    // not bind it); with the key as PKCS #12 under `password`, which every device reads.
    struct ClientKey {
        std::string pem;
        std::string pkcs12;
    };
    [[nodiscard]] Result<ClientKey> issue_client(const std::string& name, const Validity& validity,
                                                 const std::string& password) const;
    // How long such a text is good: only if this root signed it for that name and those addresses.
    [[nodiscard]] Result<Validity> check(const WantedLeaf& wanted, std::string_view pem) const;

private:
    struct Impl;
    explicit Root(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::certs
