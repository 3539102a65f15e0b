#include "dns/core/upstream_cookie.h"

#include <algorithm>

#include "dns/core/server_cookie.h"

namespace hearth::dns {

void UpstreamCookie::draw(std::uint64_t random) noexcept {
    store_be32(octets_.data(), static_cast<std::uint32_t>(random >> 32));
    store_be32(octets_.data() + 4, static_cast<std::uint32_t>(random));
    size_ = kOurs;
}

UpstreamCookie::Judgement UpstreamCookie::judge(const std::optional<ByteView>& option) noexcept {
    if (!option) return size_ > kOurs ? Judgement::kMissing : Judgement::kGood;
    if (!is_cookie_size(option->size()) || option->size() == kOurs ||
        !std::equal(octets_.begin(), octets_.begin() + kOurs, option->begin()))
        return Judgement::kForged;
    std::copy(option->begin(), option->end(), octets_.begin());
    size_ = option->size();
    return Judgement::kGood;
}

}  // namespace hearth::dns
