#include "proxy/model/refusal.h"

namespace hearth::proxy {

std::string_view describe(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::kNone: return "nothing is wrong";
        case Refusal::kBareCr: return "a line does not end in CR LF";
        case Refusal::kNul: return "a control character where none may be";
        case Refusal::kRequestLine: return "the request line is not method, target and version";
        case Refusal::kMethod: return "the method is not a token";
        case Refusal::kTarget: return "the request target has a form or characters HTTP forbids";
        case Refusal::kVersion: return "the HTTP version is neither 1.0 nor 1.1";
        case Refusal::kConnect: return "CONNECT is for forward proxies";
        case Refusal::kHostMissing: return "the Host header is missing";
        case Refusal::kHostRepeated: return "the Host header is given more than once";
        case Refusal::kHostInvalid: return "the Host header is not a host name or address";
        case Refusal::kHeaderWithoutColon: return "a header line has no colon";
        case Refusal::kHeaderName: return "a header name is not a token";
        case Refusal::kHeaderValue: return "a header value holds a control character";
        case Refusal::kFolded: return "a header line begins with white space";
        case Refusal::kContentLength: return "Content-Length is not one decimal number";
        case Refusal::kContentLengthRepeated: return "Content-Length is given more than once";
        case Refusal::kLengthAndCoding:
            return "Content-Length and Transfer-Encoding exclude each other";
        case Refusal::kTransferCoding: return "Transfer-Encoding is not exactly \"chunked\"";
        case Refusal::kTransferCodingInHttp10: return "Transfer-Encoding in an HTTP/1.0 message";
        case Refusal::kExpectation: return "an expectation other than 100-continue";
        case Refusal::kStatusLine: return "the status line is not version, code and reason";
        case Refusal::kUnaskedUpgrade: return "it switched protocols without being asked";
        case Refusal::kChunkSize: return "a chunk size is not a hexadecimal number";
        case Refusal::kChunkEnd: return "chunk data is not followed by CR LF";
        case Refusal::kTrailer: return "a trailer line is malformed";
        case Refusal::kPseudoHeader:
            return "a pseudo-header is unknown, repeated, missing or out of place";
        case Refusal::kConnectionHeader: return "a header that HTTP/2 does not have";
        case Refusal::kAuthorityDiffers: return "Host and :authority differ";
        case Refusal::kTooManyInterim: return "it sent interim answers without end";
        case Refusal::kNoUpgrade: return "it accepted a WebSocket without switching to it";
        case Refusal::kRequestLineTooLong: return "the request line is too long";
        case Refusal::kHeadTooLarge: return "the header lines together are too large";
        case Refusal::kTooManyHeaders: return "there are too many header lines";
        case Refusal::kAmbiguousPath:
            return "the path leads elsewhere when its encoded slashes are read as slashes";
    }
    return "unknown";
}

int status_of(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::kRequestLineTooLong: return 414;
        case Refusal::kExpectation: return 417;
        case Refusal::kHeadTooLarge:
        case Refusal::kTooManyHeaders: return 431;
        default: return 400;
    }
}

}  // namespace hearth::proxy
