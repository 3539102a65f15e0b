#include "proxy/io/password_checker.h"

#include <crypt.h>
#include <sodium.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace hearth::proxy {

namespace {

constexpr Duration kRemembered = 5min;
constexpr std::size_t kMostRemembered = 4096;
// Of no password; what an unknown user's costs.
constexpr const char* kNobody = "$2y$10$abcdefghijklmnopqrstuuFvC9Yg0Qxk3hQnM1q6mJb7h7Jb1cT9y";

bool fits_bcrypt(const std::string& password, const std::string& hash) {
    const auto data = std::make_unique<crypt_data>();  // 32 KiB
    const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
    if (made == nullptr) return false;
    const std::string_view text(made);
    return text.size() == hash.size() &&
           ::sodium_memcmp(text.data(), hash.data(), hash.size()) == 0;
}

bool fits(const std::string& password, const std::string& hash) {
    if (hash.starts_with("$argon2"))
        return ::crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
    const bool is_known = !hash.empty();
    return fits_bcrypt(password, is_known ? hash : kNobody) && is_known;
}

std::string keyed(const std::string& secret, const std::string& password, const std::string& hash) {
    std::array<unsigned char, 32> digest{};
    const std::string text = hash + '\n' + password;
    ::crypto_generichash(digest.data(), digest.size(),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                         reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

PasswordChecker::PasswordChecker() : secret_(32, '\0') {
    if (::sodium_init() < 0) throw std::runtime_error("libsodium cannot be used");
    ::randombytes_buf(secret_.data(), secret_.size());
    thread_ = std::thread([this] { work(); });
}

PasswordChecker::~PasswordChecker() { stop(); }

void PasswordChecker::stop() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    wakes_.notify_one();
    if (thread_.joinable()) thread_.join();
}

bool PasswordChecker::remembers(const std::string& password, const std::string& hash) {
    const std::string key = keyed(secret_, password, hash);
    const std::lock_guard lock(mutex_);
    const auto known = fitting_.find(key);
    return known != fitting_.end() && known->second > std::chrono::steady_clock::now();
}

void PasswordChecker::check(std::string password, std::string hash, Done done) {
    {
        const std::lock_guard lock(mutex_);
        if (jobs_.size() < kMostWaiting) {
            std::string key = keyed(secret_, password, hash);
            jobs_.push_back(
                {std::move(key), std::move(password), std::move(hash), std::move(done)});
            wakes_.notify_one();
            return;
        }
    }
    done(Verdict::kBusy);
}

void PasswordChecker::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        wakes_.wait(lock, [this] { return ends_ || !jobs_.empty(); });
        if (ends_) return;
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        const bool is_right = fits(job.password, job.hash);
        lock.lock();
        if (is_right) {
            if (fitting_.size() >= kMostRemembered) fitting_.clear();
            fitting_[job.key] = std::chrono::steady_clock::now() + kRemembered;
        }
        lock.unlock();
        job.done(is_right ? Verdict::kFits : Verdict::kWrong);
        lock.lock();
    }
}

std::optional<Duration> PasswordChecker::delay_of(const IpAddress& client, TimePoint now) {
    const std::lock_guard lock(mutex_);
    return delays_.wait(client, now);
}

void PasswordChecker::guessed_wrong(const IpAddress& client, TimePoint now) {
    const std::lock_guard lock(mutex_);
    delays_.failed(client, now);
}

void PasswordChecker::guessed_right(const IpAddress& client) {
    const std::lock_guard lock(mutex_);
    delays_.succeeded(client);
}

}  // namespace hearth::proxy
