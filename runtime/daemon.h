#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/daemon_options.h"
#include "runtime/event_hub.h"
#include "runtime/event_loop.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"
#include "runtime/sandbox.h"
#include "runtime/socket_store.h"

// What every daemon's main.cpp is made of:
//
//     int main(int argc, char** argv) {
//         hearth::runtime::DaemonSpec spec;
//         spec.name = "dns";
//         spec.sandbox.keep = {hearth::runtime::Capability::kNetBindService};
//         return hearth::runtime::run_daemon(argc, argv, spec, hearth::dns::make_service);
//     }
//
// The order of a start: command line; sandbox; Service::load (exit 3 if it fails, and the end of
// `--check`); the control socket; Revision::apply; READY=1; the control loop until
// SIGTERM or SIGINT; Service::stop; STOPPING=1. Nothing in it waits for a network or a clock.
namespace hearth::runtime {

class ControlServer;

// A document that was read and found good, ready to serve.
struct Revision {
    std::string hash;  // of the document; shown in /status
    std::string node;  // the name of this node
    // Makes it serve: on the control thread; the first one starts sockets and threads. All or
    // nothing: on an error the revision before it must still serve.
    std::function<Result<void>()> apply;
};

struct Health {
    bool healthy = true;
    std::string reason;  // when not healthy: what is wrong

    friend bool operator==(const Health&, const Health&) = default;
};

class Daemon;

// One daemon's bind. Made once, after the sandbox, before the first load.
class Service {
public:
    virtual ~Service() = default;

    // Reads and checks the document without touching what runs. On a thread of its own, except for
    // the first call; never two at a time. The error's text is what a person gets to read, with all
    // its lines (Error{kInvalid, "", rendered diagnostics}).
    [[nodiscard]] virtual Result<Revision> load(const DaemonOptions& options) = 0;

    // The rest runs on the control thread, after the first apply, and must not block.

    // The room's own keys of /status.
    virtual void add_status(boost::json::object& status) = 0;
    // What the daemon can answer alone, never an upstream's state. Asked every second
    // and at each request; a change is published as event "health".
    [[nodiscard]] virtual Health health() = 0;
    // Orderly stop: after it no loop of the room's runs. At most a few seconds.
    virtual void stop() = 0;
};

// What the runtime gives to a service; outlives it.
class Daemon {
public:
    [[nodiscard]] const DaemonOptions& options() const noexcept;
    [[nodiscard]] EventLoop& control_loop() noexcept;
    // For the room's own routes. Standard: /health /status /metrics /events /reload.
    // Not before the first Revision::apply.
    [[nodiscard]] ControlServer& control() noexcept;
    [[nodiscard]] EventHub& events() noexcept;
    [[nodiscard]] Metrics& metrics() noexcept;
    [[nodiscard]] Problems& problems() noexcept;
    // Control thread.
    [[nodiscard]] SocketStore& sockets() noexcept;

    // Control thread. The watchdog is fed only while every watched loop still answers. A loop
    // must be unwatched before it stops.
    void watch(EventLoop& loop);
    void unwatch(EventLoop& loop);
    // Control thread: asks health() now and publishes it if it changed.
    void health_changed();
    // Any thread: as SIGTERM, but exits with `exit_code`.
    void request_stop(int exit_code);

private:
    friend class DaemonProcess;
    explicit Daemon(DaemonOptions options);
    ~Daemon();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct DaemonSpec {
    std::string_view name;  // "dns": program hearth-dns, socket dns.sock
    Sandbox sandbox;
};

using MakeService = std::function<std::unique_ptr<Service>(Daemon&)>;

// The whole life of the process. Exit codes: 0, 1 could not start, 2 usage, 3 document invalid.
[[nodiscard]] int run_daemon(int argc, char** argv, const DaemonSpec& spec,
                             const MakeService& make);

}  // namespace hearth::runtime
