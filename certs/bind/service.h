#pragma once

#include <memory>

#include "runtime/daemon.h"

namespace hearth::certs {

[[nodiscard]] std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon);

}  // namespace hearth::certs
