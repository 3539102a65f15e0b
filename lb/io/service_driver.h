#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lb/core/service_board.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

class ScriptRunner;

// A backend was found dead, or alive again.
struct BackendReport {
    Endpoint backend;
    BackendState state = BackendState::kUnknown;
    std::vector<std::string> services;
};

// How long the kernel's tables took.
struct ServiceTimings {
    Duration whole{};   // the last time that all of it was compared and brought into line
    Duration change{};  // the last time that a backend died or came back
};

// New connections by port (the first one of a range) and backend.
using BackendHits = std::map<OpenPort, std::map<Endpoint, std::uint64_t>>;

// Keeps the services' tables as the document and the backends' health want them: asks backends,
// changes what differs, restores what others change, and makes clients whose backend is gone find
// another one. What the kernel refuses becomes problem `services`, backends that do not
// answer become `service_backends`.
//
// Used and destroyed on the loop's thread. Destruction leaves the tables: see withdraw().
class ServiceDriver {
public:
    // `scripts`: see start_script_process().
    ServiceDriver(runtime::EventLoop& loop, runtime::Problems& problems,
                  runtime::FileDescriptor scripts,
                  std::function<void(const BackendReport&)> on_backend);
    ~ServiceDriver();

    void apply(std::vector<BalancedService> services);
    // Takes the tables away. Where connections go through them they stay, for the next instance,
    // and take no new ones: without its rules the kernel would forget whose those packets are.
    void withdraw();

    // How many operations on the kernel's tables apply() would take now.
    [[nodiscard]] std::size_t preview(const std::vector<BalancedService>& services);

    [[nodiscard]] ScriptRunner& scripts() noexcept;
    [[nodiscard]] const ServiceBoard& board() const noexcept;
    [[nodiscard]] BackendHits hits();
    [[nodiscard]] const ServiceTimings& timings() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
