#pragma once

#include "config/field.h"

namespace hearth::config {

// blocking.groups.NAME
[[nodiscard]] const Section<ClientGroup>& client_group_section();
// dns.rebinding
[[nodiscard]] const Section<Rebinding>& rebinding_section();
// dns.special
[[nodiscard]] const Section<SpecialNames>& special_names_section();

// "zero", "nxdomain", "nodata", "refused" or an address, which goes to `address`.
// The word of a service, as its place in blockable_services().
[[nodiscard]] Codec<std::size_t> blockable_service();

[[nodiscard]] bool read_block_answer(const Value& value, BlockAnswer& answer,
                                     std::optional<IpAddress>& address, ReadContext& context);
[[nodiscard]] TypeInfo block_answer_type();

}  // namespace hearth::config
