#pragma once

#include "config/field.h"

namespace hearth::config {

// blocking.groups.NAME
[[nodiscard]] const Section<ClientGroup>& client_group_section();
// dns.rebinding
[[nodiscard]] const Section<Rebinding>& rebinding_section();

// "zero", "nxdomain", "nodata", "refused" or an address, which goes to `address`.
[[nodiscard]] bool read_block_answer(const Value& value, BlockAnswer& answer,
                                     std::optional<IpAddress>& address, ReadContext& context);
[[nodiscard]] TypeInfo block_answer_type();

}  // namespace hearth::config
