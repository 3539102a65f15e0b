// Lease files are written by other programs, from names that devices made up. Whatever is in them,
// what is taken must be a label at an address, once for each address.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/core/leases.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    const auto file = dns::read_leases(as_text({data, size}));
    for (std::size_t i = 0; i < file.leases.size(); ++i) {
        const auto& lease = file.leases[i];
        if (!is_host_label(lease.host) || dns::lease_host(lease.host) != lease.host) std::abort();
        if (i > 0 && !(file.leases[i - 1].address < lease.address)) std::abort();
    }
    return 0;
}
