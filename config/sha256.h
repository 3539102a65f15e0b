#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace hearth::config {

// SHA-256 over what update() is given, in order.
class Sha256 {
public:
    Sha256();
    void update(std::string_view bytes);
    // 64 lower-case hexadecimal digits; the object is spent afterwards.
    [[nodiscard]] std::string finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The 32 octets of a SHA-256 in base64 (RFC 4648 §4); nullopt: it is none.
[[nodiscard]] std::optional<std::string> decode_sha256(std::string_view base64);

}  // namespace hearth::config
