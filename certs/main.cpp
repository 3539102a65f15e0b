#include "certs/bind/service.h"
#include "runtime/daemon.h"

int main(int argc, char** argv) {
    hearth::runtime::DaemonSpec spec;
    spec.name = "certs";
    return hearth::runtime::run_daemon(argc, argv, spec, hearth::certs::make_service);
}
