#pragma once

#include <vector>

#include "config/document.h"
#include "dns/core/snapshot.h"

namespace hearth::dns {

[[nodiscard]] UpstreamGroup group_of(const std::vector<config::Upstream>& upstreams,
                                     config::UpstreamStrategy strategy);
// Of the Internet: `dns` says in which order they are asked and what they are told.
[[nodiscard]] UpstreamGroup public_group_of(const std::vector<config::Upstream>& upstreams,
                                            const config::Dns& dns);

}  // namespace hearth::dns
