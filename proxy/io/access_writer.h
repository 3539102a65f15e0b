#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/core/access_line.h"
#include "runtime/event_loop.h"

namespace hearth::proxy {

// Writes the lines of the access log to standard output (which systemd takes to the journal), or as
// entries to the journal itself, on a thread of its own: a reader that stalls costs lines, which
// are counted, but never a request.
class AccessWriter {
public:
    AccessWriter();
    ~AccessWriter();  // writes what is waiting

    // Any thread. `lines`: each with its end_of_line().
    void write(std::string lines, AccessFormat format);
    [[nodiscard]] std::uint64_t dropped_octets() const noexcept { return dropped_; }

private:
    void write_out(const std::string& lines);
    static void send_out(std::string_view entries);

    runtime::EventLoop loop_;
    std::atomic<std::size_t> waiting_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace hearth::proxy
