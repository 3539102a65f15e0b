#include "bench/load_crowd.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

namespace hearth::bench {

bool apply(CrowdOptions& options, std::string_view key, const char* value) {
    if (key == "--server") {
        options.server = Endpoint::parse(value, 0).value_or(Endpoint{});
    } else if (key == "--host") {
        options.host = value;
    } else if (key == "--connections") {
        options.connections = static_cast<unsigned>(std::atoi(value));
    } else if (key == "--seconds") {
        options.window.seconds = std::atof(value);
    } else if (key == "--warm-up") {
        options.window.warm_up = std::atof(value);
    } else if (key == "--account") {
        options.window.accounted = parse_numbers(value);
    } else if (key == "--cpus") {
        options.cpus = parse_numbers(value);
    } else {
        return false;
    }
    return true;
}

void Outcome::merge(const Outcome& other) noexcept {
    answered += other.answered;
    failed += other.failed;
    resumed += other.resumed;
    seconds = std::max(seconds, other.seconds);
    latencies.merge(other.latencies);
}

void print(const Outcome& outcome) {
    std::printf(
        "{\"answered\":%llu,\"failed\":%llu,\"resumed\":%llu,\"seconds\":%.4f,"
        "\"cpu_seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
        static_cast<unsigned long long>(outcome.answered),
        static_cast<unsigned long long>(outcome.failed),
        static_cast<unsigned long long>(outcome.resumed), outcome.seconds, outcome.cpu_seconds,
        outcome.latencies.quantile_us(0.5), outcome.latencies.quantile_us(0.99));
    std::fflush(stdout);
}

void allow_many_files() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

void wait_for_end_of_input() {
    while (std::getchar() != EOF) {
    }
}

}  // namespace hearth::bench
