#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::proxy {

// Why a message is not HTTP as we accept it. Normal values, not errors: half of
// them are attacks, the rest are broken peers.
enum class Refusal : std::uint8_t {
    kNone,
    kBareCr,       // CR without LF, or LF without CR
    kNul,          // NUL or another control octet
    kRequestLine,  // not "method SP target SP version"
    kMethod,       // not a token, or too long
    kTarget,       // characters or form RFC 9112 §3.2 does not allow
    kVersion,      // neither HTTP/1.0 nor HTTP/1.1
    kConnect,      // CONNECT: we are not a forward proxy
    kHostMissing,
    kHostRepeated,
    kHostInvalid,
    kHeaderWithoutColon,
    kHeaderName,  // empty, not a token, or followed by a space
    kHeaderValue,
    kFolded,         // obs-fold or leading white space
    kContentLength,  // empty, signed, prefixed, a list, or too large
    kContentLengthRepeated,
    kLengthAndCoding,  // Content-Length beside Transfer-Encoding
    kTransferCoding,   // anything but exactly one "chunked"
    kTransferCodingInHttp10,
    kExpectation,  // an Expect other than 100-continue
    kStatusLine,
    kUnaskedUpgrade,  // 101 although the request named no protocol
    kChunkSize,
    kChunkEnd,  // chunk data not followed by CRLF
    kTrailer,
    kPseudoHeader,      // HTTP/2: unknown, repeated, missing, or after the others
    kConnectionHeader,  // HTTP/2: a field that belongs to an HTTP/1.1 connection
    kAuthorityDiffers,  // HTTP/2: Host is not :authority
    kNoUpgrade,         // an answer to a WebSocket over HTTP/2 that would look like one
    kTooManyInterim,    // 1xx without end
    kRequestLineTooLong,
    kHeadTooLarge,
    kTooManyHeaders,
    kAmbiguousPath,  // leads elsewhere when its encoded slashes are taken for slashes
};

// One clause for a person: "Content-Length is given more than once".
[[nodiscard]] std::string_view describe(Refusal refusal) noexcept;

// The status a client gets when its request is refused so.
[[nodiscard]] int status_of(Refusal refusal) noexcept;

}  // namespace hearth::proxy
