#pragma once

#include <memory>

#include "runtime/daemon.h"

namespace hearth::proxy {

// hearth-proxy as the runtime drives it.
[[nodiscard]] std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon);

}  // namespace hearth::proxy
