#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "dns/core/list_layout.h"
#include "dns/core/snapshot.h"

namespace hearth::dns {

// What becomes of a question for `name`, from `client` when there is one, and why; the JSON that
// `GET /why` answers (docs/dns.md). Reads the lists' text to name the line, so it belongs on a
// thread that may wait for the disk. `bogus` is why the name's answers were, not long ago.
[[nodiscard]] std::string explain_name(const Snapshot& snapshot, const ListLayout& lists,
                                       const Name& name, const std::optional<IpAddress>& client,
                                       const std::string& bogus = {});

}  // namespace hearth::dns
