#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/core/dnstap_message.h"

namespace hearth::dns {

// Frame streams of dnstap messages to a Unix socket, from a thread of libfstrm's own. It connects
// again when the reader goes; until then, and when the reader is slow, messages are dropped and
// counted: nobody who answers ever waits.
class Dnstap {
public:
    struct Options {
        std::string socket;
        std::string identity;
        std::string version;
        unsigned workers = 1;
    };
    [[nodiscard]] static Result<std::unique_ptr<Dnstap>> start(const Options& options);
    // Sends what waits. No worker may send any more.
    ~Dnstap();
    Dnstap(const Dnstap&) = delete;
    Dnstap& operator=(const Dnstap&) = delete;

    // The thread of `worker` only.
    void send(unsigned worker, const DnstapMessage& message);

    // Any thread.
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }  // given to libfstrm
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
    struct Impl;
    Dnstap(std::unique_ptr<Impl> impl, Options options);

    std::unique_ptr<Impl> impl_;
    Options options_;
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace hearth::dns
