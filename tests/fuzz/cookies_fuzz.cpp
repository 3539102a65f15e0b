// A Cookie field: what is found is a part of it, and never has a separator that ends a cookie.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/core/balancer.h"
#include "proxy/core/cookies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::proxy;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    HeaderTable headers;
    headers.add({"Cookie", text, HeaderId::kOther});
    const std::string_view value = cookie_value(headers, "at");
    if (value.find(';') != std::string_view::npos) std::abort();
    const std::uint64_t token = from_cookie(value);
    if (token != 0 && from_cookie(to_cookie(token)) != token) std::abort();
    return 0;
}
