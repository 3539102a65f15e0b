// An Authorization field: what is read has no control characters and is no longer than the field.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/core/basic_credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto credentials = hearth::proxy::basic_credentials(text);
    if (!credentials) return 0;
    if (credentials->user.size() + credentials->password.size() > size) std::abort();
    if (credentials->user.find(':') != std::string::npos) std::abort();
    return 0;
}
