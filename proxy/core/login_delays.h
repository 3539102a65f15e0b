#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "base/ip.h"
#include "base/time.h"

namespace hearth::proxy {

// Who guesses passwords waits: from the third wrong one in a row on, one second, doubled up to a
// minute; forgotten after ten. Bounded. Clients are as Snapshot::one_client says.
class LoginDelays {
public:
    // How long until this client may try again; nullopt: now.
    [[nodiscard]] std::optional<Duration> wait(const IpAddress& client, TimePoint now) const;
    void failed(const IpAddress& client, TimePoint now);
    void succeeded(const IpAddress& client);

    static constexpr std::size_t kMostClients = 4096;

private:
    struct Guesser {
        unsigned failures = 0;
        TimePoint until{};
        TimePoint last{};
    };
    std::unordered_map<IpAddress, Guesser> guessers_;
};

}  // namespace hearth::proxy
