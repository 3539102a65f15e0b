#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// The records of one type at one name; they share a TTL (RFC 2181 §5.2). Their data is kept as
// it goes onto the wire, names uncompressed (RFC 3597 §4), each behind its 16-bit length.
class RecordSet {
public:
    // Stands for the snapshot's `local_ttl`.
    static constexpr std::uint32_t kHouseTtl = UINT32_MAX;

    RecordSet(RrType type, std::uint32_t ttl) noexcept : type_(type), ttl_(ttl) {}

    // At most 65,535 octets; a record that is there already is not added (RFC 2181 §5).
    void add(ByteView rdata);

    [[nodiscard]] RrType type() const noexcept { return type_; }
    [[nodiscard]] std::uint32_t ttl(std::uint32_t house_ttl) const noexcept {
        return ttl_ == kHouseTtl ? house_ttl : ttl_;
    }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] ByteView front() const noexcept { return at(0); }

    // visit(ByteView rdata) for each record, beginning with number `rotation` modulo their count.
    template <class Visit>
    void each(std::uint32_t rotation, Visit visit) const {
        if (count_ == 0) return;
        std::size_t start = 0;
        for (std::size_t skip = rotation % count_; skip > 0; --skip) start = behind(start);
        for (std::size_t p = start; p < image_.size(); p = behind(p)) visit(at(p));
        for (std::size_t p = 0; p < start; p = behind(p)) visit(at(p));
    }

private:
    [[nodiscard]] std::size_t behind(std::size_t offset) const noexcept {
        return offset + 2 + load_be16(image_.data() + offset);
    }
    [[nodiscard]] ByteView at(std::size_t offset) const noexcept {
        return ByteView(image_).subspan(offset + 2, load_be16(image_.data() + offset));
    }

    RrType type_;
    std::uint16_t count_ = 0;
    std::uint32_t ttl_;
    std::vector<std::uint8_t> image_;
};

}  // namespace hearth::dns
