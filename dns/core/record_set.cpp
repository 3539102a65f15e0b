#include "dns/core/record_set.h"

#include <algorithm>

namespace hearth::dns {

void RecordSet::add(ByteView rdata) {
    if (rdata.size() > UINT16_MAX || count_ == UINT16_MAX) return;
    for (std::size_t p = 0; p < image_.size(); p = behind(p))
        if (std::ranges::equal(at(p), rdata)) return;
    const std::size_t size = image_.size();
    image_.resize(size + 2 + rdata.size());
    store_be16(image_.data() + size, static_cast<std::uint16_t>(rdata.size()));
    std::ranges::copy(rdata, image_.begin() + static_cast<std::ptrdiff_t>(size) + 2);
    ++count_;
}

}  // namespace hearth::dns
