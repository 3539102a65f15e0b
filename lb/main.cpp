#include "lb/bind/service.h"
#include "runtime/daemon.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "lb";
    spec.sandbox.keep = {hearth::runtime::Capability::kNetAdmin,
                         hearth::runtime::Capability::kNetRaw};
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::lb::make_service);
}
