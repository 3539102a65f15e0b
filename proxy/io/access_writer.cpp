#include "proxy/io/access_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/systemd.h"

namespace hearth::proxy {

namespace {
constexpr std::size_t kMaxWaiting = 4U << 20;
constexpr std::string_view kEntryEnd("\0\0", 2);
}  // namespace

AccessWriter::AccessWriter() : loop_("proxy-access") { loop_.start(); }

AccessWriter::~AccessWriter() {
    loop_.run_and_wait([] {});
    loop_.stop();
    loop_.join();
}

void AccessWriter::write(std::string lines, AccessFormat format) {
    const std::size_t size = lines.size();
    if (waiting_ + size > kMaxWaiting) {
        dropped_ += size;
        return;
    }
    waiting_ += size;
    loop_.post([this, format, lines = std::move(lines)] {
        if (format == AccessFormat::kJournal) {
            send_out(lines);
        } else {
            write_out(lines);
        }
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

// Each of their fields is ended by a NUL octet, each of them by one more.
void AccessWriter::send_out(std::string_view entries) {
    while (!entries.empty()) {
        const std::size_t end = std::min(entries.find(kEntryEnd), entries.size());
        runtime::send_to_journal(entries.substr(0, end));
        entries.remove_prefix(std::min(end + 2, entries.size()));
    }
}

}  // namespace hearth::proxy
