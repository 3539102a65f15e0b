#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Whether clients of a service show a certificate.
namespace hearth::proxy {

struct ClientCertificates {
    enum class Use : std::uint8_t { kOff, kOptional, kRequired };
    Use use = Use::kOff;
    std::string authorities;         // PEM; empty: the home's own root
    std::vector<std::string> names;  // common names; empty: any that an authority vouches for

    [[nodiscard]] bool asks() const noexcept { return use != Use::kOff; }
};

}  // namespace hearth::proxy
