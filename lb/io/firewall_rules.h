#pragma once

#include "lb/io/nft_message.h"
#include "lb/model/firewall.h"

// For firewall_reader.cpp alone: one rule, from libnftnl's expressions.
namespace hearth::lb {

[[nodiscard]] firewall::Rule translate(const nftnl_rule& rule);
[[nodiscard]] firewall::Verdict translate_verdict(std::uint32_t verdict, const char* chain);

}  // namespace hearth::lb
