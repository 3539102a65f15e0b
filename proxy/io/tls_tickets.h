#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "runtime/file_descriptor.h"

namespace hearth::proxy {

// The keys that seal session tickets: see make_ticket_keys(). Any thread.
class TicketKeys {
public:
    struct Key {
        std::array<unsigned char, 16> name{};
        std::array<unsigned char, 32> cipher{};
        std::array<unsigned char, 32> mac{};
    };
    enum class Found : std::uint8_t { kNone, kCurrent, kPrevious };

    // `memory`: outlives the process, which goes on with the keys in it; may be none.
    explicit TicketKeys(runtime::FileDescriptor memory);

    Key current();
    // `name`: 16 octets.
    Found find(const unsigned char* name, Key& key);

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::hours kLife{12};

    // As it lies in memory.
    struct Kept {
        std::uint64_t version = 1;
        Key current;
        Key previous;
        Clock::rep made = 0;
    };

    [[nodiscard]] bool restore() noexcept;
    void keep() noexcept;
    static void renew(Key& key);

    std::mutex mutex_;  // taken in handshakes only
    runtime::FileDescriptor memory_;
    Kept keys_;
};

}  // namespace hearth::proxy
