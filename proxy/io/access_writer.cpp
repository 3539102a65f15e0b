#include "proxy/io/access_writer.h"

#include <unistd.h>

#include <cerrno>

namespace hearth::proxy {

namespace {
constexpr std::size_t kMaxWaiting = 4U << 20;
}  // namespace

AccessWriter::AccessWriter() : loop_("proxy-access") { loop_.start(); }

AccessWriter::~AccessWriter() {
    loop_.run_and_wait([] {});
    loop_.stop();
    loop_.join();
}

void AccessWriter::write(std::string lines) {
    const std::size_t size = lines.size();
    if (waiting_ + size > kMaxWaiting) {
        dropped_ += size;
        return;
    }
    waiting_ += size;
    loop_.post([this, lines = std::move(lines)] {
        write_out(lines);
        waiting_ -= lines.size();
    });
}

void AccessWriter::write_out(const std::string& lines) {
    for (std::size_t at = 0; at < lines.size();) {
        const ssize_t wrote = ::write(STDOUT_FILENO, lines.data() + at, lines.size() - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) {
            dropped_ += lines.size() - at;
            return;
        }
        at += static_cast<std::size_t>(wrote);
    }
}

}  // namespace hearth::proxy
