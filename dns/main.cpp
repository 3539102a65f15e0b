#include <malloc.h>

#include "dns/bind/dns_service.h"
#include "runtime/daemon.h"

namespace {

// Large blocks (a reload's, a list's, a page of the log's) go back to the system when they are
// freed. Left to itself glibc raises these limits to the largest block it has seen, and keeps as
// much for good.
void give_large_blocks_back() {
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

}  // namespace

int main(int argc, char** argv) {
    give_large_blocks_back();
    hearth::runtime::DaemonSpec spec;
    spec.name = "dns";
    spec.sandbox.keep = {hearth::runtime::Capability::kNetBindService};
    spec.sandbox.extra_syscalls = {"sched_setscheduler"};  // threads that step back
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::dns::make_service);
}
