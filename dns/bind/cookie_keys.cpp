#include "dns/bind/cookie_keys.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include "config/sha256.h"
#include "dns/io/system_random.h"

namespace hearth::dns {
namespace {

constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
constexpr std::size_t kKeyDigits = 64;
constexpr std::string_view kPurpose = "hearth-dns server cookies of day ";

std::string read_key(const std::string& path) {
    std::ifstream file(path);
    std::string text(std::istreambuf_iterator<char>(file), {});
    while (!text.empty() && text.back() <= ' ') text.pop_back();
    return text.size() == kKeyDigits ? text : std::string();
}

std::string random_root() {
    SystemRandom random;
    std::string root;
    for (int i = 0; i < 4; ++i) root += std::to_string(random.next()) + " ";
    return root;
}

std::uint64_t word(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
}

}  // namespace

CookieKeys::CookieKeys(const std::string& peer_key_file) : root_(read_key(peer_key_file)) {
    is_shared_ = !root_.empty();
    if (!is_shared_) root_ = random_root();
}

SipKey CookieKeys::of_day(std::int64_t day) const {
    config::Sha256 hash;
    hash.update(root_);
    hash.update(kPurpose);
    hash.update(std::to_string(day));
    const std::string digits = hash.finish();
    return {word(std::string_view(digits).substr(0, 16)),
            word(std::string_view(digits).substr(16, 16))};
}

std::int64_t CookieKeys::day_of(std::int64_t wall_ms) noexcept { return wall_ms / kDayMs; }

CookieSecrets CookieKeys::secrets(std::int64_t wall_ms) const {
    const std::int64_t day = day_of(wall_ms);
    return {of_day(day), of_day(day - 1), of_day(day + 1)};
}

}  // namespace hearth::dns
