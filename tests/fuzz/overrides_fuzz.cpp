// What the state directory holds and other nodes tell of `hearth allow` and `hearth deny`: what is
// understood is written as it was read, whole or in parts.

#include <cstdlib>

#include "base/bytes.h"
#include "dns/bind/overrides_json.h"

using namespace hearth;
using namespace hearth::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = parse_overrides(as_text({data, size}));
    if (!read) return 0;
    const auto again = parse_overrides(write_overrides(*read));
    if (!again || !(*again == *read)) std::abort();
    Overrides parts;
    for (const auto& part : write_overrides_in_parts(*read, 300)) {
        const auto some = parse_overrides(part);
        if (!some) std::abort();
        (void)parts.merge(*some);
    }
    if (!(parts == *read)) std::abort();
    return 0;
}
