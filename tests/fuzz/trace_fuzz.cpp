// What a client says of traces and asks for: a traceparent that is read is written back the same,
// and a URL without its secrets has none to leave out.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/core/redaction.h"
#include "proxy/core/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::proxy;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto parent = parse_traceparent(text)) {
        const auto written = write_traceparent(*parent);
        if (parse_traceparent({written.data(), written.size()}) != parent) std::abort();
    }
    std::string space;
    std::string again;
    const std::string_view shown = without_secrets(text, space);
    if (without_secrets(shown, again) != shown) std::abort();
    return 0;
}
