#include <cstdio>
#include <utility>

#include "lb/bind/service.h"
#include "lb/io/script_runner.h"
#include "runtime/daemon.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "lb";
    using hearth::runtime::Capability;
    // The last two where a unit's limits do not stand for them (lb/io/urgency.h).
    spec.sandbox.keep = {Capability::kNetAdmin, Capability::kNetRaw, Capability::kIpcLock,
                         Capability::kSysNice};
    spec.sandbox.extra_syscalls = {"capget", "mlockall", "sched_setscheduler"};
    // Before the sandbox, which refuses exec.
    auto scripts = hearth::lb::start_script_process();
    if (!scripts) {
        std::fprintf(stderr, "hearth-lb: %s\n", scripts.error().to_string().c_str());
        return 1;
    }
    return hearth::runtime::run_daemon(argc, argv, spec, [&](hearth::runtime::Daemon& daemon) {
        return hearth::lb::make_service(daemon, std::move(*scripts));
    });
}
