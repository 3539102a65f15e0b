#include "lb/bind/service.h"
#include "runtime/daemon.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "lb";
    using hearth::runtime::Capability;
    // The last two where a unit's limits do not stand for them (lb/io/urgency.h).
    spec.sandbox.keep = {Capability::kNetAdmin, Capability::kNetRaw, Capability::kIpcLock,
                         Capability::kSysNice};
    spec.sandbox.extra_syscalls = {"capget", "mlockall", "sched_setscheduler"};
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::lb::make_service);
}
