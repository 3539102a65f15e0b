#pragma once

#include "config/field.h"

// Addresses from pools: the table of one, and how VIPs and services ask for them.
namespace hearth::config {

[[nodiscard]] const Section<Pool>& pool_section();

[[nodiscard]] Codec<std::string> pool_name();  // one that `pools` has

// vips.NAME.address: addresses, or `auto`; and vips.NAME.pool.
[[nodiscard]] Field vip_address_field();
[[nodiscard]] Field vip_pool_field();
// One of the two is there, and not both with different ideas.
[[nodiscard]] bool finish_vip_address(const Value& value, Span key_span, const Vip& vip,
                                      ReadContext& context);

// services.NAME.vip: `auto`, a VIP of `vips`, or addresses; and services.NAME.pool.
[[nodiscard]] Field service_vip_field();
[[nodiscard]] Field service_pool_field();
[[nodiscard]] bool finish_service_vip(const Value& value, const Service& service,
                                      ReadContext& context);

}  // namespace hearth::config
