#pragma once

#include <memory>

#include "proxy/core/body_coder.h"
#include "proxy/model/policy.h"

namespace hearth::proxy {

// A fresh stream of that coding; null for kNone, or without memory. What is given is flushed at
// every call, for it came as the upstream sent it.
[[nodiscard]] std::unique_ptr<BodyCoder> make_compressor(ContentCoding coding);

}  // namespace hearth::proxy
