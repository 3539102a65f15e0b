#include "dns/core/server_cookie.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace hearth::dns {
namespace {

constexpr std::uint32_t kVersionAndReserved = 0x01000000;
constexpr std::size_t kHashAt = 16;
constexpr std::int32_t kRenewAfter = 30 * 60;
constexpr std::int32_t kTooOld = 60 * 60;
constexpr std::int32_t kTooNew = 5 * 60;

struct SipWords {
    std::uint64_t v0, v1, v2, v3;

    void rounds(int count) noexcept {
        for (; count > 0; --count) {
            v0 += v1;
            v1 = std::rotl(v1, 13) ^ v0;
            v0 = std::rotl(v0, 32);
            v2 += v3;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 += v3;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 += v1;
            v1 = std::rotl(v1, 17) ^ v2;
            v2 = std::rotl(v2, 32);
        }
    }
    void absorb(std::uint64_t word) noexcept {
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    }
};

// RFC 1982: seconds from `then` to `now`, negative when `then` is ahead.
std::int32_t elapsed(std::uint32_t then, std::uint32_t now) noexcept {
    return static_cast<std::int32_t>(now - then);
}

bool is_ours(ByteView option, const IpAddress& client, SipKey secret) noexcept {
    const WholeCookie made =
        make_cookie(option.first(kClientCookieSize), client, load_be32(option.data() + 12), secret);
    return std::equal(made.begin(), made.end(), option.begin(), option.end());
}

}  // namespace

std::uint64_t siphash24(SipKey key, ByteView bytes) noexcept {
    SipWords sip{key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
                 key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) sip.absorb(load_le64(bytes.data() + at));
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
    for (std::size_t i = at; i < bytes.size(); ++i)
        last |= static_cast<std::uint64_t>(bytes[i]) << (8 * (i - at));
    sip.absorb(last);
    sip.v2 ^= 0xff;
    sip.rounds(4);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

WholeCookie make_cookie(ByteView client_cookie, const IpAddress& client, std::uint32_t unix_seconds,
                        SipKey secret) noexcept {
    std::array<std::uint8_t, kHashAt + 16> input{};
    std::copy_n(client_cookie.begin(), kClientCookieSize, input.begin());
    store_be32(input.data() + 8, kVersionAndReserved);
    store_be32(input.data() + 12, unix_seconds);
    const ByteView address = client.bytes();
    std::copy(address.begin(), address.end(), input.begin() + kHashAt);
    const std::uint64_t hash = siphash24(secret, ByteView(input).first(kHashAt + address.size()));

    WholeCookie cookie;
    std::copy_n(input.begin(), kHashAt, cookie.begin());
    std::memcpy(cookie.data() + kHashAt, &hash, sizeof hash);  // little-endian, as SipHash defines
    return cookie;
}

CookieState answer_cookie(ByteView option, const IpAddress& client, std::uint32_t unix_seconds,
                          const CookieSecrets& secrets, WholeCookie& answer) noexcept {
    const bool has_our_form =
        option.size() == kWholeCookieSize && load_be32(option.data() + 8) == kVersionAndReserved;
    if (has_our_form) {
        const std::int32_t age = elapsed(load_be32(option.data() + 12), unix_seconds);
        const bool in_time = age <= kTooOld && age >= -kTooNew;
        const bool is_current = in_time && is_ours(option, client, secrets.current);
        if (is_current && age <= kRenewAfter) {
            std::copy(option.begin(), option.end(), answer.begin());
            return CookieState::kProven;
        }
        answer = make_cookie(option, client, unix_seconds, secrets.current);
        const bool proven = is_current || (in_time && (is_ours(option, client, secrets.previous) ||
                                                       is_ours(option, client, secrets.next)));
        return proven ? CookieState::kProven : CookieState::kUnknown;
    }
    answer = make_cookie(option, client, unix_seconds, secrets.current);
    return CookieState::kUnknown;
}

}  // namespace hearth::dns
