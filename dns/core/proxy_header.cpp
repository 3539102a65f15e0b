#include "dns/core/proxy_header.h"

#include <algorithm>

namespace hearth::dns {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kFixedSize = 16;
constexpr std::uint8_t kLocal = 0x20;  // version 2, and what to do
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;

}  // namespace

ProxyHeaderReader::State ProxyHeaderReader::feed(ByteView& octets) noexcept {
    while (true) {
        const std::size_t whole =
            size_ < kFixedSize ? kFixedSize : kFixedSize + load_be16(header_.data() + 14);
        if (whole > kMaxSize) return State::kBad;
        const std::size_t count = std::min(octets.size(), whole - size_);
        std::copy_n(octets.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(size_));
        octets = octets.subspan(count);
        size_ += count;
        const std::size_t signed_size = std::min(size_, kSignature.size());
        if (!std::equal(kSignature.begin(),
                        kSignature.begin() + static_cast<std::ptrdiff_t>(signed_size),
                        header_.begin()))
            return State::kBad;
        if (size_ < whole) return State::kNeedMore;
        if (size_ > kFixedSize || load_be16(header_.data() + 14) == 0) return finish();
    }
}

ProxyHeaderReader::State ProxyHeaderReader::finish() noexcept {
    if (header_[12] == kLocal) {
        client_ = {IpAddress::v4(127, 0, 0, 1), 0};
        local_ = client_.address;
        return State::kComplete;
    }
    const ByteView addresses = ByteView(header_).subspan(kFixedSize, size_ - kFixedSize);
    const bool v4 = header_[13] == kTcp4;
    const std::size_t octets = v4 ? 4 : 16;
    if (header_[12] != kProxy || (!v4 && header_[13] != kTcp6) || addresses.size() < 2 * octets + 4)
        return State::kBad;
    client_ = {IpAddress::from_bytes(addresses.first(octets)),
               load_be16(addresses.data() + 2 * octets)};
    local_ = IpAddress::from_bytes(addresses.subspan(octets, octets));
    return State::kComplete;
}

}  // namespace hearth::dns
