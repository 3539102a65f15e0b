#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace hearth::bench {

// Counts of durations in nanoseconds, in buckets 1.6 % wide. Constant memory, no clock.
class Latencies {
public:
    void add(std::uint64_t nanoseconds) noexcept {
        ++buckets_[bucket_of(nanoseconds)];
        ++count_;
        worst_ = std::max(worst_, nanoseconds);
    }
    void merge(const Latencies& other) noexcept {
        for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
        count_ += other.count_;
        worst_ = std::max(worst_, other.worst_);
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] double worst_us() const noexcept { return static_cast<double>(worst_) / 1e3; }
    // The time within which `share` (0..1) of all ended, in microseconds.
    [[nodiscard]] double quantile_us(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > wanted) return static_cast<double>(upper_end(i)) / 1e3;
        }
        return worst_us();
    }

private:
    static constexpr unsigned kFineBits = 6;  // 64 buckets for each doubling
    static constexpr std::size_t kFine = std::size_t{1} << kFineBits;

    static std::size_t bucket_of(std::uint64_t value) noexcept {
        if (value < kFine) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - kFineBits - 1;
        return (shift + 1) * kFine + static_cast<std::size_t>((value >> shift) - kFine);
    }
    static std::uint64_t upper_end(std::size_t bucket) noexcept {
        if (bucket < kFine) return bucket;
        const std::size_t shift = bucket / kFine - 1;
        return (bucket % kFine + kFine + 1) << shift;
    }

    std::array<std::uint64_t, (64 - kFineBits + 1) * kFine> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t worst_ = 0;
};

}  // namespace hearth::bench
