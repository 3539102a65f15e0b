#include "proxy/io/tls_websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace hearth::proxy {

namespace {
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kDigestText = 28;  // SHA-1 in base64
}  // namespace

std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key).append(kGuid);
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, kDigestText + 1> base64;
    EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
    return {base64.begin(), base64.begin() + kDigestText};
}

}  // namespace hearth::proxy
