#include "config/sections_dns_resolving.h"

#include "config/codec.h"

namespace hearth::config {
namespace {

Codec<DnssecMode> dnssec_mode() {
    return one_of<DnssecMode>({{"off", DnssecMode::kOff}, {"validate", DnssecMode::kValidate}});
}

}  // namespace

const Section<Dnssec>& dnssec_section() {
    static const Section<Dnssec> table{{
        "dns.dnssec",
        "Whether what upstreams say is checked against the signatures of the zones' owners. Zones "
        "of dns.forward are not.",
        "mode",
        {
            field("mode", &Dnssec::mode, dnssec_mode(),
                  "validate: an answer that is not as its owner signed it is SERVFAIL, with the "
                  "reason.",
                  "validate"),
            field("insecure", &Dnssec::insecure, list_of(domain_name()),
                  "Names that are not checked, nor those under them: zones whose signatures are "
                  "broken, or that only the house knows.",
                  "[corp.example]"),
            field("trust_anchor", &Dnssec::trust_anchor, path(),
                  "Keys of the root zone, or their digests, as a zone file has them.",
                  "dnssec/lab-root.key"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
