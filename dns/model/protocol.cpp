#include "dns/model/protocol.h"

namespace hearth::dns {

std::string to_string(RrType type) {
    switch (type) {
        case RrType::kA: return "A";
        case RrType::kNs: return "NS";
        case RrType::kCname: return "CNAME";
        case RrType::kSoa: return "SOA";
        case RrType::kPtr: return "PTR";
        case RrType::kMx: return "MX";
        case RrType::kTxt: return "TXT";
        case RrType::kAaaa: return "AAAA";
        case RrType::kSrv: return "SRV";
        case RrType::kDname: return "DNAME";
        case RrType::kOpt: return "OPT";
        case RrType::kDs: return "DS";
        case RrType::kRrsig: return "RRSIG";
        case RrType::kNsec: return "NSEC";
        case RrType::kDnskey: return "DNSKEY";
        case RrType::kSvcb: return "SVCB";
        case RrType::kHttps: return "HTTPS";
        case RrType::kTsig: return "TSIG";
        case RrType::kIxfr: return "IXFR";
        case RrType::kAxfr: return "AXFR";
        case RrType::kAny: return "ANY";
    }
    return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::string_view to_string(Rcode rcode) noexcept {
    switch (rcode) {
        case Rcode::kNoError: return "NOERROR";
        case Rcode::kFormErr: return "FORMERR";
        case Rcode::kServFail: return "SERVFAIL";
        case Rcode::kNxDomain: return "NXDOMAIN";
        case Rcode::kNotImp: return "NOTIMP";
        case Rcode::kRefused: return "REFUSED";
        case Rcode::kBadVers: return "BADVERS";
        case Rcode::kBadCookie: return "BADCOOKIE";
    }
    return "RESERVED";
}

}  // namespace hearth::dns
