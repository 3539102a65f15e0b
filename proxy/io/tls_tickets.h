#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

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

    TicketKeys();

    Key current();
    // `name`: 16 octets.
    Found find(const unsigned char* name, Key& key);

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::hours kLife{12};

    void renew(Key& key);

    std::mutex mutex_;  // taken in handshakes only
    Key current_;
    Key previous_;
    Clock::time_point made_;
};

}  // namespace hearth::proxy
