#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/ip.h"
#include "bench/cores.h"
#include "bench/latency.h"
#include "bench/load_window.h"

// What load generators with many connections have in common: the connections are spread over
// threads, each of which keeps to its core.
namespace hearth::bench {

struct CrowdOptions {
    Endpoint server;
    std::string host;
    unsigned connections = 64;
    LoadWindow window;
    std::vector<int> cpus = {0};  // one thread on each
};

// False if it is none of these: --server --host --connections --seconds --warm-up --account --cpus
[[nodiscard]] bool apply(CrowdOptions& options, std::string_view key, const char* value);

struct Outcome {
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;  // not 200, or broken off
    std::uint64_t resumed = 0;
    double seconds = 0;
    double cpu_seconds = 0;
    Latencies latencies;

    // Of those who ran at the same time.
    void merge(const Outcome& other) noexcept;
};

// One JSON object, at once.
void print(const Outcome& outcome);

// As many descriptors as the system lets this process have.
void allow_many_files();

void wait_for_end_of_input();

// `Clients` are made of the options and their number, and have `Outcome run(start)` and
// `answered()`. Timed: what counts is what was answered within the window.
enum class Timed : std::uint8_t { kNo, kYes };
template <class Clients, class Options>
Outcome run_crowd(const Options& options, Timed timed) {
    const auto threads = static_cast<unsigned>(options.cpus.size());
    std::vector<Outcome> outcomes(threads);
    std::vector<std::unique_ptr<Clients>> clients;
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) {
        const unsigned more = i < options.connections % threads ? 1 : 0;
        clients.push_back(std::make_unique<Clients>(options, options.connections / threads + more));
    }
    const std::uint64_t start = now_ns();
    for (unsigned i = 0; i < threads; ++i) {
        running.emplace_back([&, i] {
            pin(options.cpus[i]);
            outcomes[i] = clients[i]->run(start);
        });
    }
    Measured measured;
    if (timed == Timed::kYes) {
        measured = measure(options.window, start, [&] {
            std::uint64_t sum = 0;
            for (const auto& one : clients) sum += one->answered();
            return sum;
        });
    }
    for (std::thread& thread : running) thread.join();
    Outcome all;
    for (const Outcome& one : outcomes) all.merge(one);
    if (timed == Timed::kYes) {
        all.answered = measured.answered;
        all.seconds = measured.seconds;
        all.cpu_seconds = measured.cpu_seconds;
    }
    return all;
}

}  // namespace hearth::bench
