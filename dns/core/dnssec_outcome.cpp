#include "dns/core/dnssec_outcome.h"

#include <array>

namespace hearth::dns {
namespace {

struct Phrase {
    std::string_view text;
    EdeCode code;
};
// Of libunbound's validator, the telling ones first.
constexpr std::array kPhrases{
    Phrase{"signature expired", EdeCode::kSignatureExpired},
    Phrase{"signature before inception", EdeCode::kSignatureNotYetValid},
    Phrase{"algorithm", EdeCode::kUnsupportedDnskeyAlgorithm},
    Phrase{"No DNSKEY", EdeCode::kDnskeyMissing},
    Phrase{"no DNSKEY", EdeCode::kDnskeyMissing},
    Phrase{"Missing DNSKEY", EdeCode::kDnskeyMissing},
    Phrase{"Did not match a DS to a DNSKEY", EdeCode::kDnskeyMissing},
    Phrase{"no keys have a DS", EdeCode::kDnskeyMissing},
    Phrase{"no signatures", EdeCode::kRrsigsMissing},
    Phrase{"unsigned response", EdeCode::kRrsigsMissing},
    Phrase{"nsec", EdeCode::kNsecMissing},
    Phrase{"NSEC", EdeCode::kNsecMissing},
    Phrase{"no DS but also no proof", EdeCode::kNsecMissing},
};

}  // namespace

std::string_view bogus_reason(std::string_view why) noexcept {
    static constexpr std::string_view kPreamble = "validation failure <";
    const auto end = why.find(">: ");
    return why.starts_with(kPreamble) && end != std::string_view::npos ? why.substr(end + 3) : why;
}

EdeCode bogus_error(std::string_view reason) noexcept {
    for (const Phrase& phrase : kPhrases)
        if (reason.find(phrase.text) != std::string_view::npos) return phrase.code;
    return EdeCode::kDnssecBogus;
}

}  // namespace hearth::dns
