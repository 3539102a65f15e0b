#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/core/login_delays.h"

namespace hearth::proxy {

enum class PasswordVerdict : std::uint8_t { kFits, kWrong, kBusy };

// Whether a password fits its hash, which takes tens of milliseconds by design: on a thread of its
// own, so that nobody else waits, and remembered for a while. Any thread.
class PasswordChecker {
public:
    using Verdict = PasswordVerdict;
    using Done = std::function<void(Verdict)>;

    PasswordChecker();
    ~PasswordChecker();
    // Calls nobody back from now on.
    void stop();

    // It was found to fit a short while ago.
    [[nodiscard]] bool remembers(const std::string& password, const std::string& hash);
    // `hash`: argon2id or bcrypt; empty: nobody's, which takes as long as a wrong password. `done`
    // runs on the checker's thread, or inside this call when too many wait.
    void check(std::string password, std::string hash, Done done);

    // See LoginDelays, of all workers together.
    [[nodiscard]] std::optional<Duration> delay_of(const IpAddress& client, TimePoint now);
    void guessed_wrong(const IpAddress& client, TimePoint now);
    void guessed_right(const IpAddress& client);

private:
    struct Job {
        std::string key;
        std::string password;
        std::string hash;
        Done done;
    };
    void work();

    static constexpr std::size_t kMostWaiting = 64;

    std::string secret_;  // of the keys under which answers are remembered
    std::mutex mutex_;
    std::condition_variable wakes_;
    bool ends_ = false;
    std::deque<Job> jobs_;
    std::unordered_map<std::string, TimePoint> fitting_;  // until when
    LoginDelays delays_;
    std::thread thread_;
};

}  // namespace hearth::proxy
