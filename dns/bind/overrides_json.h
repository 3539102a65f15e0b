#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "dns/core/overrides.h"

// Overrides as the state directory keeps them and nodes tell them each other.
namespace hearth::dns {

[[nodiscard]] boost::json::object override_json(const Override& said);
[[nodiscard]] std::string write_overrides(const Overrides& overrides);
// The same in several texts of at most `most` octets each, or a little more where a single one of
// them is longer; none when there is nothing to tell.
[[nodiscard]] std::vector<std::string> write_overrides_in_parts(const Overrides& overrides,
                                                                std::size_t most);
// kInvalid for anything but what write_overrides() writes; keys that a newer version adds are
// passed over.
[[nodiscard]] Result<Overrides> parse_overrides(std::string_view text);

}  // namespace hearth::dns
