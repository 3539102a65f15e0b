#include "proxy/io/idle_shelf.h"

#include <algorithm>
#include <utility>

namespace hearth::proxy {

void IdleShelf::put(const Endpoint& endpoint, Stream stream, TimePoint until) {
    const std::lock_guard lock(mutex_);
    if (kept_.size() < kMost) kept_.push_back({endpoint, std::move(stream), until});
    count_.store(kept_.size(), std::memory_order_relaxed);
}

std::optional<IdleShelf::Taken> IdleShelf::take(const Endpoint& endpoint, TimePoint now) {
    if (count_.load(std::memory_order_relaxed) == 0) return std::nullopt;
    const std::lock_guard lock(mutex_);
    std::optional<Taken> taken;
    for (std::size_t i = kept_.size(); i-- > 0 && !taken;) {
        Kept& one = kept_[i];
        if (one.endpoint != endpoint) continue;
        if (one.until > now && one.stream.is_quiet())
            taken.emplace(Taken{std::move(one.stream), one.until});
        kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    count_.store(kept_.size(), std::memory_order_relaxed);
    return taken;
}

void IdleShelf::drop_expired(TimePoint now) {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [now](const Kept& one) { return one.until <= now; });
    count_.store(kept_.size(), std::memory_order_relaxed);
}

void IdleShelf::clear() {
    const std::lock_guard lock(mutex_);
    kept_.clear();
    count_.store(0, std::memory_order_relaxed);
}

}  // namespace hearth::proxy
