#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "lb/model/balanced_port.h"

// A port has a fixed number of slots, each new connection goes to one of them (a random one, the
// next one, the one its client's address hashes to), and each slot belongs to a backend: as many of
// them as its weight says. Another backend then is other slots, and nothing else.
namespace hearth::lb {

using Slots = std::vector<std::optional<Endpoint>>;

// Enough for shares that stay fair when a backend fails, and one for a single backend.
[[nodiscard]] std::size_t slot_count(std::span<const Backend> backends);

// Backends that are away leave their slots to the others, whose own stay where they are: a client
// that is hashed to a living backend keeps it. All are empty when nobody is there.
[[nodiscard]] Slots share_slots(std::span<const Backend> backends, const Away& away);

}  // namespace hearth::lb
