// Zone files are written by people and exported by programs. What is taken must be within
// the zone, and every address that is served must be found again.

#include <cstdint>
#include <cstdlib>

#include "dns/io/zone_file.h"

// ldns 1.8.3 forgets a few octets when it refuses some data; that is not what is looked for here.
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return 1; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth;
    using namespace hearth::dns;
    static const Name origin = *Name::parse("example.home");
    const auto contents = parse_zone(as_text({data, size}), "fuzz", origin);
    if (!contents) return 0;
    LocalZones zones;
    zones.add_zone({origin});
    const std::size_t served = add_zone_contents(zones, *contents);
    if (served > contents->records.size()) std::abort();
    for (const ZoneRecord& record : contents->records) {
        if (!record.owner.is_at_or_under(origin)) std::abort();
        const LocalMatch match = zones.find(record.owner);
        if (match.zone == nullptr) std::abort();
        if (record.type == RrType::kA && match.zone->kind == ZoneKind::kAuthoritative &&
            (match.node == nullptr || match.node->find(RrType::kA) == nullptr))
            std::abort();
    }
    return 0;
}
