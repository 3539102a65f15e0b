#include "dns/core/blocklist_hash.h"

namespace hearth::dns {

std::uint64_t siphash13(SipKey key, ByteView bytes) noexcept {
    SipState state(key);
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) state.absorb(load_le64(at));
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
    for (std::size_t i = 0; i < left; ++i) last |= std::uint64_t{at[i]} << (8 * i);
    state.absorb(last);
    return state.finish();
}

LabelHasher::LabelHasher(const Name& name) noexcept {
    const ByteView wire = name.wire();
    std::memcpy(wire_, wire.data(), wire.size());
    std::memset(wire_ + wire.size(), 0, 8);
    for (std::size_t at = 0; wire_[at] != 0; at += wire_[at] + std::size_t{1})
        starts_[count_++] = static_cast<std::uint8_t>(at);
}

}  // namespace hearth::dns
