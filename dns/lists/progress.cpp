#include "dns/lists/progress.h"

#include <unistd.h>

#include <cstdio>

namespace hearth::dns {
namespace {

constexpr std::size_t kWidth = 79;  // a line that wraps cannot be rewritten

}  // namespace

Progress::Progress() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& list, std::uint64_t bytes, std::uint64_t expected) {
    if (!is_terminal_) return;
    char text[64];
    if (expected > 0)
        std::snprintf(text, sizeof text, "%.1f MB %u%%", static_cast<double>(bytes) / 1e6,
                      static_cast<unsigned>(bytes * 100 / expected));
    else
        std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
    downloads_[list] = list + " " + text;
    std::string line;
    for (const auto& [name, said] : downloads_) line += (line.empty() ? "" : ", ") + said;
    draw(line);
}

void Progress::show_step(const std::string& step) {
    downloads_.clear();
    draw(step);
}

void Progress::clear() {
    downloads_.clear();
    draw("");
}

void Progress::draw(const std::string& line) {
    if (!is_terminal_) return;
    std::fprintf(stderr, "\r\033[K%s", line.substr(0, kWidth).c_str());
    std::fflush(stderr);
}

}  // namespace hearth::dns
