#pragma once

#include <functional>
#include <memory>

#include "base/ip.h"
#include "base/name.h"
#include "base/time.h"
#include "lb/core/soa_question.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

enum class Answered : std::uint8_t { kNo, kYes };

// Asks a DNS server for the SOA of `domain` over UDP; `done` runs once, on `loop`, never inside
// this call.
void ask_soa(runtime::EventLoop& loop, const Endpoint& server, const Name& domain, Duration timeout,
             std::function<void(Answered)> done, SoaServer kind = SoaServer::kOurs);

}  // namespace hearth::lb
