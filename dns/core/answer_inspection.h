#pragma once

#include "base/ip.h"
#include "dns/core/answer_image.h"
#include "dns/core/block_policy.h"

// What stands in an upstream's answer besides what was asked for.
namespace hearth::dns {

// The verdict on the names an answer leads to, by CNAME or as target of SVCB and HTTPS, to the end
// of the chain: a listed name hides behind an unlisted one.
// A blocked one is written to `blocked` unless that is null.
[[nodiscard]] Verdict inspect_targets(const AnswerImage& image, const BlockPolicy& policy,
                                      RrType qtype, const Asker& asker, Name* blocked = nullptr);

// Private, shared, link-local, loopback and unspecified addresses, mapped ones too: nothing the
// public DNS has to name.
[[nodiscard]] bool is_of_the_house(const IpAddress& address) noexcept;

// Whether an A, AAAA or address hint of the answer is_of_the_house(). 0.0.0.0 and :: alone do not
// count: blocking upstreams answer with them.
[[nodiscard]] bool names_the_house(const AnswerImage& image);

}  // namespace hearth::dns
