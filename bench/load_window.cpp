#include "bench/load_window.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

namespace hearth::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kAfterwards = 0.02;  // whoever measures may come a little late

std::uint64_t later(std::uint64_t start, double seconds) noexcept {
    return start + static_cast<std::uint64_t>(seconds * 1e9);
}

void sleep_until(std::uint64_t when) {
    std::this_thread::sleep_until(Clock::time_point(std::chrono::nanoseconds(when)));
}

// CPU time of all threads, from the scheduler's own accounts.
std::uint64_t cpu_nanoseconds(const std::vector<int>& processes) {
    std::uint64_t sum = 0;
    for (const int process : processes) {
        std::error_code gone;
        const std::string threads = "/proc/" + std::to_string(process) + "/task";
        for (const auto& thread : std::filesystem::directory_iterator(threads, gone)) {
            std::uint64_t spent = 0;
            if (std::ifstream(thread.path() / "schedstat") >> spent) sum += spent;
        }
    }
    return sum;
}

}  // namespace

std::uint64_t LoadWindow::begin(std::uint64_t start) const noexcept {
    return later(start, warm_up);
}
std::uint64_t LoadWindow::end(std::uint64_t start) const noexcept {
    return later(begin(start), seconds);
}
std::uint64_t LoadWindow::over(std::uint64_t start) const noexcept {
    return later(end(start), kAfterwards);
}

std::uint64_t now_ns() noexcept {
    return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

Measured measure(const LoadWindow& window, std::uint64_t start,
                 const std::function<std::uint64_t()>& answered) {
    sleep_until(window.begin(start));
    const std::uint64_t begin = now_ns(), cpu = cpu_nanoseconds(window.accounted),
                        before = answered();
    sleep_until(window.end(start));
    Measured out;
    out.cpu_seconds = static_cast<double>(cpu_nanoseconds(window.accounted) - cpu) / 1e9;
    out.answered = answered() - before;
    out.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    return out;
}

}  // namespace hearth::bench
