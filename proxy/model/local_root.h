#pragma once

#include <string>

namespace hearth::proxy {

// What devices install to trust this home's certificates.
struct LocalRoot {
    std::string subject;      // its common name
    std::string fingerprint;  // SHA-256, "AB:CD:…"
    std::string pem;
    std::string der;
};

}  // namespace hearth::proxy
