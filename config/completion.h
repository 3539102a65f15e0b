#pragma once

#include "config/document.h"

// The steps of complete() that are repeated when pools have given their addresses.
namespace hearth::config {

// Virtual router numbers of VIPs that name none: the last octet of the first address, or, of an
// address from a pool, the next one that is free.
void number_vips(Document& document);
// Services that name their VIP are reached at its addresses of those families that they have
// backends in.
void address_services(Document& document);
// The order of candidates where `spread` asks for it.
void spread_vips(Document& document);

}  // namespace hearth::config
