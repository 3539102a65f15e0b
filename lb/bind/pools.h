#pragma once

#include <boost/json/fwd.hpp>

#include "config/document.h"
#include "lb/core/address_book.h"

namespace hearth::runtime {
class Problems;
}

// Automatic addresses: from the document to hearth-lb's core, and how they show themselves.
namespace hearth::lb {

[[nodiscard]] PoolPlan make_pool_plan(const config::Document& document);

[[nodiscard]] boost::json::array addresses_json(const AddressBook& book);
// Problems `pool_exhausted` and `pool_stranded`.
void show_addresses(runtime::Problems& problems, const AddressBook& book);

}  // namespace hearth::lb
