#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/event_loop.h"

namespace hearth::proxy {

// Writes the lines of the access log to standard output (which systemd takes to the journal) on a
// thread of its own: a reader that stalls costs lines, which are counted, but never a request.
class AccessWriter {
public:
    AccessWriter();
    ~AccessWriter();  // writes what is waiting

    // Any thread.
    void write(std::string lines);
    [[nodiscard]] std::uint64_t dropped_octets() const noexcept { return dropped_; }

private:
    void write_out(const std::string& lines);

    runtime::EventLoop loop_;
    std::atomic<std::size_t> waiting_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace hearth::proxy
