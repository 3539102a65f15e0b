#include "dns/core/found_addresses.h"

#include <algorithm>

#include "dns/core/message.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kMostAddresses = 16;

}  // namespace

FoundAddresses addresses_in(ByteView packet) {
    FoundAddresses found;
    const auto answer = parse_answer(packet);
    if (!answer || answer->rcode != Rcode::kNoError || answer->truncated()) return found;
    found.ttl = UINT32_MAX;
    each_answer(packet, *answer, [&](const RecordView& record) {
        found.ttl = std::min(found.ttl, record.ttl);
        const bool is_address = (record.type == RrType::kA && record.rdata_size == 4) ||
                                (record.type == RrType::kAaaa && record.rdata_size == 16);
        if (!is_address || found.addresses.size() == kMostAddresses) return;
        const auto address =
            IpAddress::from_bytes(packet.subspan(record.rdata_at, record.rdata_size));
        if (!address.is_unspecified() && !address.is_multicast())
            found.addresses.push_back(address);
    });
    if (found.addresses.empty()) return {};
    return found;
}

}  // namespace hearth::dns
