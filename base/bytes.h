#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hearth {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Big-endian (network order) loads and stores; the caller has checked the bounds.
[[nodiscard]] inline std::uint16_t load_be16(const std::uint8_t* p) noexcept {
    return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
[[nodiscard]] inline std::uint32_t load_be32(const std::uint8_t* p) noexcept {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
[[nodiscard]] inline std::uint64_t load_be64(const std::uint8_t* p) noexcept {
    return std::uint64_t{load_be32(p)} << 32 | load_be32(p + 4);
}
inline void store_be16(std::uint8_t* p, std::uint16_t v) noexcept {
    p[0] = static_cast<std::uint8_t>(v >> 8);
    p[1] = static_cast<std::uint8_t>(v);
}
inline void store_be32(std::uint8_t* p, std::uint32_t v) noexcept {
    store_be16(p, static_cast<std::uint16_t>(v >> 16));
    store_be16(p + 2, static_cast<std::uint16_t>(v));
}
inline void store_be64(std::uint8_t* p, std::uint64_t v) noexcept {
    store_be32(p, static_cast<std::uint32_t>(v >> 32));
    store_be32(p + 4, static_cast<std::uint32_t>(v));
}

// Reads network-order integers from a buffer it does not own. The first read
// past the end sets failed() and every later read returns zeros: a parser reads a
// whole header and asks once.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) noexcept : bytes_(bytes) {}

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - offset_; }

    std::uint8_t u8() noexcept { return need(1) ? bytes_[offset_++] : std::uint8_t{0}; }
    std::uint16_t u16() noexcept { return need(2) ? load_be16(take(2)) : std::uint16_t{0}; }
    std::uint32_t u32() noexcept { return need(4) ? load_be32(take(4)) : 0; }
    std::uint64_t u64() noexcept { return need(8) ? load_be64(take(8)) : 0; }

    // A view into the buffer; empty when fewer than `count` bytes are left.
    ByteView bytes(std::size_t count) noexcept {
        if (!need(count)) return {};
        return {take(count), count};
    }
    void skip(std::size_t count) noexcept {
        if (need(count)) offset_ += count;
    }

private:
    [[nodiscard]] bool need(std::size_t count) noexcept {
        if (failed_ || bytes_.size() - offset_ < count) {
            failed_ = true;
            return false;
        }
        return true;
    }
    const std::uint8_t* take(std::size_t count) noexcept {
        const std::uint8_t* p = bytes_.data() + offset_;
        offset_ += count;
        return p;
    }

    ByteView bytes_;
    std::size_t offset_ = 0;
    bool failed_ = false;
};

// Writes network-order integers into a buffer it does not own. A write that does
// not fit sets failed() and changes nothing.
class ByteWriter {
public:
    explicit ByteWriter(ByteSpan bytes) noexcept : bytes_(bytes) {}

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t room() const noexcept { return bytes_.size() - size_; }
    [[nodiscard]] ByteView written() const noexcept { return {bytes_.data(), size_}; }

    void u8(std::uint8_t v) noexcept {
        if (need(1)) bytes_[size_++] = v;
    }
    void u16(std::uint16_t v) noexcept {
        if (need(2)) store_be16(grow(2), v);
    }
    void u32(std::uint32_t v) noexcept {
        if (need(4)) store_be32(grow(4), v);
    }
    void u64(std::uint64_t v) noexcept {
        if (need(8)) store_be64(grow(8), v);
    }
    void bytes(ByteView v) noexcept {
        if (need(v.size()) && !v.empty()) std::memcpy(grow(v.size()), v.data(), v.size());
    }
    void fill(std::size_t count, std::uint8_t value) noexcept {
        if (need(count) && count > 0) std::memset(grow(count), value, count);
    }
    // Overwrites two bytes already written, at `offset` < size() - 1.
    void patch_u16(std::size_t offset, std::uint16_t v) noexcept {
        if (offset + 2 <= size_) store_be16(bytes_.data() + offset, v);
    }
    // Forgets everything written after `size`, and any failure.
    void rewind(std::size_t size) noexcept {
        if (size <= size_) size_ = size;
        failed_ = false;
    }

private:
    [[nodiscard]] bool need(std::size_t count) noexcept {
        if (failed_ || bytes_.size() - size_ < count) {
            failed_ = true;
            return false;
        }
        return true;
    }
    std::uint8_t* grow(std::size_t count) noexcept {
        std::uint8_t* p = bytes_.data() + size_;
        size_ += count;
        return p;
    }

    ByteSpan bytes_;
    std::size_t size_ = 0;
    bool failed_ = false;
};

}  // namespace hearth
