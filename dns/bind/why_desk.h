#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/bind/why.h"
#include "dns/io/worker.h"
#include "runtime/control_server.h"
#include "runtime/event_loop.h"
#include "runtime/snapshot.h"

namespace hearth::dns {

// `GET /why`: asks the upstreams what the name leads to, for a moment, and explains it on the
// thread that may wait for the disk. Control thread.
class WhyDesk {
public:
    struct Sources {
        runtime::EventLoop& control;
        runtime::EventLoop& disk;
        const std::vector<std::unique_ptr<Worker>>& workers;
        const runtime::Published<Snapshot>& snapshots;
        std::function<std::string(const Name&)> why_bogus;
    };
    WhyDesk(Sources sources, ListLayout layout)
        : sources_(std::move(sources)), layout_(std::move(layout)) {}

    void answer(const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply);

private:
    void explain(WhyQuestion why, const runtime::ControlServer::Reply& reply);

    Sources sources_;
    ListLayout layout_;
};

}  // namespace hearth::dns
