#pragma once

#include <functional>
#include <string>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/core/forward_auth.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// Sends `question` to an endpoint on a connection of its own and reads the whole answer, of at most
// 64 KiB. `done` runs once on the loop, never inside this call; status 0 when there was no answer.
void ask_auth(runtime::EventLoop& loop, const Endpoint& endpoint, std::string question,
              Duration timeout, std::function<void(AuthAnswer)> done);

}  // namespace hearth::proxy
