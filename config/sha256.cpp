#include "config/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace hearth::config {

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
}

void Sha256::update(std::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Sha256::finish() {
    static constexpr char kHex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text.push_back(kHex[digest[i] >> 4]);
        text.push_back(kHex[digest[i] & 15]);
    }
    return text;
}

std::optional<std::string> decode_sha256(std::string_view base64) {
    static constexpr std::size_t kText = 44;
    static constexpr std::size_t kOctets = 32;
    unsigned char octets[kOctets + 1];
    if (base64.size() != kText || base64[kText - 1] != '=' || base64[kText - 2] == '=' ||
        EVP_DecodeBlock(octets, reinterpret_cast<const unsigned char*>(base64.data()), kText) !=
            kOctets + 1)
        return std::nullopt;
    return std::string(octets, octets + kOctets);
}

}  // namespace hearth::config
