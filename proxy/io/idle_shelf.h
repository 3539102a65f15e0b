#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/io/stream.h"

namespace hearth::proxy {

// Connections to upstreams that one worker does not need and any other may take: plain HTTP/1.1,
// open, idle, watched by nobody. Any thread; no lock is taken while it is empty.
class IdleShelf {
public:
    static constexpr std::size_t kMost = 256;

    // Until then. Closes it when there are too many.
    void put(const Endpoint& endpoint, Stream stream, TimePoint until);

    struct Taken {
        Stream stream;
        TimePoint until;
    };
    // The one that was left last, if the kernel says that it is still open and quiet.
    [[nodiscard]] std::optional<Taken> take(const Endpoint& endpoint, TimePoint now);

    void drop_expired(TimePoint now);
    void clear();

private:
    struct Kept {
        Endpoint endpoint;
        Stream stream;
        TimePoint until;
    };

    std::atomic<std::size_t> count_ = 0;
    std::mutex mutex_;
    std::vector<Kept> kept_;
};

}  // namespace hearth::proxy
