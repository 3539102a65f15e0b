#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hearth::proxy {

// What is to be written to one connection next: a few views, in order, for one writev.
// It owns nothing; the octets stay where they are until advance() has passed them.
class Outgoing {
public:
    static constexpr std::size_t kParts =
        6;  // head, chunk prefix, payload, its end, trailers, their end

    [[nodiscard]] bool empty() const noexcept { return first_ == count_; }
    [[nodiscard]] std::span<const std::string_view> parts() const noexcept {
        return {parts_.data() + first_, static_cast<std::size_t>(count_ - first_)};
    }
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t total = 0;
        for (const auto part : parts()) total += part.size();
        return total;
    }
    // Precondition: fewer than kParts since it was last empty.
    void add(std::string_view part) noexcept {
        if (part.empty()) return;
        if (empty()) clear();
        parts_[count_++] = part;
    }
    // `written` octets have left.
    void advance(std::size_t written) noexcept {
        while (written > 0 && !empty()) {
            std::string_view& part = parts_[first_];
            if (written < part.size()) {
                part.remove_prefix(written);
                return;
            }
            written -= part.size();
            ++first_;
        }
    }
    void clear() noexcept { first_ = count_ = 0; }

private:
    std::uint8_t first_ = 0;
    std::uint8_t count_ = 0;
    std::array<std::string_view, kParts> parts_;
};

}  // namespace hearth::proxy
