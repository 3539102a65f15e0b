#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "proxy/model/local_root.h"
#include "proxy/model/tls.h"

namespace hearth::proxy {

struct KeyPair;  // tls_key_pair.h

// The certificates of one revision that could be loaded. Immutable, read from any thread.
class CertificateStore {
public:
    struct Certificate {
        CertificateFiles files;
        std::vector<std::string> names;  // of its SAN, lower case; "*.home" stands for one label
        std::string issuer;              // its common name, or all of its name
        std::int64_t not_before = 0;     // seconds since 1970
        std::int64_t not_after = 0;
        std::shared_ptr<const KeyPair> pair;
    };
    struct Fault {
        CertificateFiles files;
        Error error;
    };

    // Of the home as a whole.
    struct Home {
        std::string own_host;                   // "hearth.home"
        std::shared_ptr<const LocalRoot> root;  // null: there is none
    };

    CertificateStore() = default;
    explicit CertificateStore(std::vector<Certificate> certificates, Home home = {});

    // The one for a host name in whatever case: an exact name beats a wildcard, the first of equals
    // wins.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view host) const noexcept;
    [[nodiscard]] const Home& home() const noexcept { return home_; }
    [[nodiscard]] const std::vector<Certificate>& all() const noexcept { return certificates_; }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::vector<Certificate> certificates_;
    Home home_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_name_;
};

struct LoadedCertificates {
    std::shared_ptr<const CertificateStore> store;
    std::vector<CertificateStore::Fault> faults;
};

// Reads the files. What cannot be used is a fault, and `previous` (may be null) stands in with what
// it had from the same files: one bad certificate harms its own names at most.
[[nodiscard]] LoadedCertificates load_certificates(const std::vector<CertificateFiles>& wanted,
                                                   const CertificateStore* previous,
                                                   CertificateStore::Home home = {});

// A root's certificate, PEM.
[[nodiscard]] Result<LocalRoot> load_root(const std::string& path);

}  // namespace hearth::proxy
