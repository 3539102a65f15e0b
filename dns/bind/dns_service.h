#pragma once

#include <memory>

#include "runtime/daemon.h"

namespace hearth::dns {

// hearth-dns as a runtime::Service: the document becomes a Snapshot for the workers, what they see
// becomes status, metrics and events.
[[nodiscard]] std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon);

}  // namespace hearth::dns
