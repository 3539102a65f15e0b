#pragma once

#include <cstdint>
#include <string>

#include "base/ip.h"

namespace hearth::proxy {

// What clients speak on a listener.
enum class Security : std::uint8_t {
    kPlain,
    kTls,
    kStream,    // whatever they like: it is passed on
    kDatagram,  // the same over UDP
};

struct Listening {
    Endpoint endpoint;
    Security security = Security::kPlain;

    friend bool operator==(const Listening&, const Listening&) = default;
};

// A certificate with its chain, and its key, as PEM files.
struct CertificateFiles {
    std::string certificate;
    std::string key;

    friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

// What a client gets that asks for a name no certificate has, or for none.
enum class UnknownName : std::uint8_t {
    kRefuse,  // the alert unrecognized_name (RFC 6066 §3)
    kFirst,   // the first certificate, and a warning in the browser
    kPage,    // the certificate of our own pages, a warning, and then a page that says what is here
};

}  // namespace hearth::proxy
