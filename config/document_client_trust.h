#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Whether clients of a service show a certificate; part of config/document.h.
namespace hearth::config {

enum class ClientCertificateUse : std::uint8_t { kOff, kOptional, kRequired };

struct ClientCertificates {
    ClientCertificateUse use = ClientCertificateUse::kOff;
    std::vector<std::string> ca;     // PEM files, absolute; none: the home's own root
    std::vector<std::string> names;  // who may come, by common name; none: whoever has one

    friend bool operator==(const ClientCertificates&, const ClientCertificates&) = default;
};

}  // namespace hearth::config
