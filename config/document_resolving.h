#pragma once

#include <string>
#include <vector>

#include "base/name.h"

// How what is not of the house is resolved.
namespace hearth::config {

enum class DnssecMode { kOff, kValidate };

struct Dnssec {
    DnssecMode mode = DnssecMode::kOff;
    std::string trust_anchor = "/usr/share/dns/root.key";
    std::vector<Name> insecure;  // not validated, nor what is under them (RFC 7646)

    friend bool operator==(const Dnssec&, const Dnssec&) = default;
};

}  // namespace hearth::config
