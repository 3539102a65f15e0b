// What another node tells of addresses from pools: what is understood is written and read back, and
// a book that hears it settles and says the same whoever it hears it from.

#include <cstdint>
#include <cstdlib>

#include "base/assigned_address.h"
#include "lb/core/address_book.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    const auto told = parse_assigned(as_text({data, size}));
    if (!told) return 0;
    const auto again = parse_assigned(write_assigned(*told));
    if (!again || *again != *told) std::abort();

    const lb::AddressPool pool{"home",
                               {{IpAddress::v4(10, 0, 0, 240), IpAddress::v4(10, 0, 0, 243)}},
                               lb::PoolUse::kByAnybody,
                               lb::BuggyAddresses::kAvoided};
    const lb::PoolPlan plan{{pool},
                            {*IpPrefix::parse("10.0.0.0/24")},
                            {},
                            {},
                            {{"mqtt", "", {IpFamily::kV4}}, {"voice", "", {IpFamily::kV4}}}};
    lb::AddressBook first;
    first.apply(plan);
    static_cast<void>(first.merge(*told));
    static_cast<void>(first.settle(lb::AddressBook::Newcomers::kServe, 1));
    if (first.merge(first.all())) std::abort();
    lb::AddressBook second;
    second.apply(plan);
    static_cast<void>(second.merge(first.all()));
    if (second.all() != first.all()) std::abort();
    static_cast<void>(second.settle(lb::AddressBook::Newcomers::kServe, 1));
    return 0;
}
