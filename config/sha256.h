#pragma once

#include <memory>
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

}  // namespace hearth::config
