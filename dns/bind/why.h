#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "dns/core/list_layout.h"
#include "dns/core/snapshot.h"

namespace hearth::dns {

struct WhyQuestion {
    Name name;
    std::optional<IpAddress> client;
    std::string bogus = {};                 // why the name's answers were, not long ago
    std::vector<std::uint8_t> answer = {};  // what the upstreams say; empty: not known
};

// What the upstreams are to be asked before explain_name(): their answer may lead to a listed name.
struct WhyErrand {
    Name name;
    std::uint16_t group = 0;  // of upstreams
};
[[nodiscard]] std::optional<WhyErrand> errand_of(const Snapshot& snapshot, const WhyQuestion& why);

// What becomes of a question for the name, from the client when there is one, and why; the JSON
// that `GET /why` answers (docs/dns.md). Reads the lists' text to name the line, so it belongs on a
// thread that may wait for the disk.
[[nodiscard]] std::string explain_name(const Snapshot& snapshot, const ListLayout& lists,
                                       const WhyQuestion& why);

}  // namespace hearth::dns
