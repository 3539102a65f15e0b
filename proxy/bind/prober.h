#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "proxy/io/upstream_probe.h"
#include "proxy/io/upstream_question.h"
#include "proxy/model/service.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// Probes upstreams whatever is spoken there. On the control loop.
class Prober {
public:
    // `ask`: has a worker ask, and calls `done` on the worker's thread.
    Prober(runtime::EventLoop& loop, std::function<void(UpstreamAsk)> ask)
        : loop_(loop), ask_(std::move(ask)) {}

    // Connects, with TLS where that is spoken, and asks for the path where there is one, on a
    // connection of its own. `done` runs once on the loop, never inside this.
    void probe(const Endpoint& endpoint, const std::optional<UpstreamSecurity>& security,
               const ProbeRequest& request, Duration timeout,
               std::function<void(const ProbeResult&)> done);

private:
    runtime::EventLoop& loop_;
    std::function<void(UpstreamAsk)> ask_;
};

}  // namespace hearth::proxy
