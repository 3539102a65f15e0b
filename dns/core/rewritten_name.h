#pragma once

#include "dns/core/local_answer.h"

namespace hearth::dns {

// Sends a path that leads to the upstreams on to the name that a list gives in its place
// ("$dnsrewrite=other.example"), which may be one of ours; unless a rule of the document speaks of
// the name.
void lead_to_rewritten_name(const Snapshot& snapshot, const BlockPolicy& policy, RrType qtype,
                            LocalPath& path);

}  // namespace hearth::dns
