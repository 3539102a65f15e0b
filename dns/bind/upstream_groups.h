#pragma once

#include <vector>

#include "config/document.h"
#include "dns/core/snapshot.h"

namespace hearth::dns {

[[nodiscard]] UpstreamGroup group_of(const std::vector<config::Upstream>& upstreams,
                                     config::UpstreamStrategy strategy);

}  // namespace hearth::dns
