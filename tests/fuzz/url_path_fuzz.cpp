// A request target: its normalised path is normal, and a prefix taken off it leaves a path.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/core/url_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::proxy;
    const std::string target(reinterpret_cast<const char*>(data), size);
    for (const EncodedSlash slash : {EncodedSlash::kStays, EncodedSlash::kSeparates}) {
        const std::string path = normalised_path(target, slash);
        if (path.empty() || path.front() != '/') std::abort();
        if (path.find("//") != std::string::npos) std::abort();
        if ((path + "/").find("/../") != std::string::npos) std::abort();
        if (path.find('?') == std::string::npos && normalised_path(path, slash) != path)
            std::abort();
    }
    const std::string path = normalised_path(target, EncodedSlash::kStays);
    const auto end = path.find('/', 1);
    const std::string prefix = path.substr(0, end == std::string::npos ? path.size() : end);
    if (with_prefix_replaced(target, prefix, "").front() != '/') std::abort();
    return 0;
}
