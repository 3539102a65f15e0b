#include "dns/bind/dns_service.h"
#include "runtime/daemon.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "dns";
    spec.sandbox.keep = {hearth::runtime::Capability::kNetBindService};
    spec.sandbox.extra_syscalls = {"setpriority"};  // the query log's thread steps back
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::dns::make_service);
}
