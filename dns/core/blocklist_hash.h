#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/name.h"

namespace hearth::dns {

struct SipKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;

    friend bool operator==(const SipKey&, const SipKey&) = default;
};

// The images are little-endian and read in place.
static_assert(std::endian::native == std::endian::little);

[[nodiscard]] inline std::uint64_t load_le64(const std::uint8_t* p) noexcept {
    std::uint64_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}
[[nodiscard]] inline std::uint32_t load_le32(const std::uint8_t* p) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

// SipHash-1-3 (Aumasson, Bernstein 2012) fed in 64-bit words. Keyed, so that nobody who does not
// know the key can choose a name that collides with a listed one.
class SipState {
public:
    explicit SipState(SipKey key) noexcept
        : v0_(key.k0 ^ 0x736f6d6570736575),
          v1_(key.k1 ^ 0x646f72616e646f6d),
          v2_(key.k0 ^ 0x6c7967656e657261),
          v3_(key.k1 ^ 0x7465646279746573) {}

    void absorb(std::uint64_t word) noexcept {
        v3_ ^= word;
        round();
        v0_ ^= word;
    }

    // The hash of what was absorbed so far; the state goes on unchanged.
    [[nodiscard]] std::uint64_t finish() const noexcept {
        SipState end = *this;
        end.v2_ ^= 0xff;
        end.round();
        end.round();
        end.round();
        return end.v0_ ^ end.v1_ ^ end.v2_ ^ end.v3_;
    }

private:
    void round() noexcept {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

// The standard SipHash-1-3 of a byte string.
[[nodiscard]] std::uint64_t siphash13(SipKey key, ByteView bytes) noexcept;

// A name's labels, ready to be hashed from the right: each label is its length octet and its
// octets, zero-padded to whole words. One walk yields the hash of every ancestor, since an
// ancestor's labels are the first ones absorbed.
class LabelHasher {
public:
    explicit LabelHasher(const Name& name) noexcept;

    [[nodiscard]] std::size_t labels() const noexcept { return count_; }

    // Absorbs the label that has `depth` labels to its right: 0 is the top-level domain.
    void absorb(SipState& state, std::size_t depth) const noexcept {
        const std::uint8_t* at = wire_ + starts_[count_ - 1 - depth];
        std::size_t left = at[0] + std::size_t{1};
        for (; left > 8; left -= 8, at += 8) state.absorb(load_le64(at));
        state.absorb(load_le64(at) & (~std::uint64_t{0} >> (64 - 8 * left)));
    }

    // The whole name's.
    [[nodiscard]] std::uint64_t hash(SipKey key) const noexcept {
        SipState state(key);
        for (std::size_t depth = 0; depth < count_; ++depth) absorb(state, depth);
        return state.finish();
    }

private:
    std::uint8_t wire_[Name::kMaxWire + 8];  // readable one word past the name
    std::uint8_t starts_[Name::kMaxWire / 2 + 1];
    std::size_t count_ = 0;
};

}  // namespace hearth::dns
