#include "proxy/bind/service.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "proxy";
    spec.sandbox.keep = {hearth::runtime::Capability::kNetBindService};
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::proxy::make_service);
}
