#pragma once

#include <memory>

#include "runtime/daemon.h"
#include "runtime/file_descriptor.h"

namespace hearth::lb {

// `scripts`: of start_script_process().
[[nodiscard]] std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon,
                                                             runtime::FileDescriptor scripts);

}  // namespace hearth::lb
