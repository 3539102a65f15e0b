#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The numbers of the DNS that this room speaks of (IANA "Domain Name System Parameters").
namespace hearth::dns {

enum class RrType : std::uint16_t {
    kA = 1,
    kNs = 2,
    kCname = 5,
    kSoa = 6,
    kPtr = 12,
    kMx = 15,
    kTxt = 16,
    kAaaa = 28,
    kSrv = 33,
    kDname = 39,
    kOpt = 41,
    kDs = 43,
    kRrsig = 46,
    kNsec = 47,
    kDnskey = 48,
    kSvcb = 64,
    kHttps = 65,
    kTsig = 250,
    kIxfr = 251,
    kAxfr = 252,
    kAny = 255,
};

enum class RrClass : std::uint16_t { kIn = 1, kChaos = 3, kAny = 255 };

enum class Opcode : std::uint8_t { kQuery = 0, kNotify = 4, kUpdate = 5 };

enum class Rcode : std::uint16_t {
    kNoError = 0,
    kFormErr = 1,
    kServFail = 2,
    kNxDomain = 3,
    kNotImp = 4,
    kRefused = 5,
    kBadVers = 16,    // these need the upper bits in the OPT record (RFC 6891 §6.1.3)
    kBadCookie = 23,  // RFC 7873
};

enum class EdnsOption : std::uint16_t {
    kNsid = 3,           // RFC 5001
    kClientSubnet = 8,   // RFC 7871
    kCookie = 10,        // RFC 7873
    kTcpKeepalive = 11,  // RFC 7828
    kPadding = 12,       // RFC 7830
    kEde = 15,           // RFC 8914
    kLoopTag = 65011,    // ours, of the range for local use (RFC 6891 §9): see core/loop_guard.h
};

enum class EdeCode : std::uint16_t {
    kOther = 0,
    kUnsupportedDnskeyAlgorithm = 1,
    kUnsupportedDsDigest = 2,
    kStaleAnswer = 3,
    kForgedAnswer = 4,
    kDnssecBogus = 6,
    kSignatureExpired = 7,
    kSignatureNotYetValid = 8,
    kDnskeyMissing = 9,
    kRrsigsMissing = 10,
    kNsecMissing = 12,
    kBlocked = 15,
    kFiltered = 17,
    kProhibited = 18,
    kNotSupported = 21,
    kNoReachableAuthority = 22,
    kNetworkError = 23,
};

// Header flags, as in the second 16-bit word (RFC 1035 §4.1.1, RFC 4035 §3).
inline constexpr std::uint16_t kFlagQr = 0x8000;
inline constexpr std::uint16_t kFlagAa = 0x0400;
inline constexpr std::uint16_t kFlagTc = 0x0200;
inline constexpr std::uint16_t kFlagRd = 0x0100;
inline constexpr std::uint16_t kFlagRa = 0x0080;
inline constexpr std::uint16_t kFlagAd = 0x0020;
inline constexpr std::uint16_t kFlagCd = 0x0010;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr std::uint16_t kRcodeMask = 0x000f;

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxMessage = 65535;
// Without EDNS (RFC 1035 §4.2.1), and what we advertise and never exceed over UDP, so
// that no answer is fragmented (DNS flag day 2020).
inline constexpr std::size_t kPlainUdpSize = 512;
inline constexpr std::size_t kEdnsUdpSize = 1232;
inline constexpr std::uint16_t kEdnsDnssecOk = 0x8000;

// "A", "TYPE65280" for those without a name here (RFC 3597 §5).
[[nodiscard]] std::string to_string(RrType type);
[[nodiscard]] std::string_view to_string(Rcode rcode) noexcept;

}  // namespace hearth::dns
