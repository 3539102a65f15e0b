#include "dns/core/overrides.h"

namespace hearth::dns {
namespace {

constexpr std::int64_t kClockSlackS = 120;                // between the clocks of the nodes
constexpr std::int64_t kRememberS = 30 * 24 * 60 * 60LL;  // a node may be away for that long

}  // namespace

bool Override::holds(std::int64_t now_s) const noexcept {
    if (is_lifted) return false;
    if (until_s == kForever) return true;
    return now_s < until_s && now_s >= changed_ms / 1000 - kClockSlackS;
}

Overrides::Key Overrides::key_of(const Override& said) {
    return {said.kind == Override::Kind::kPause, said.name.to_string(), said.client};
}

bool Overrides::put(const Override& said) {
    const auto key = key_of(said);
    const auto known = said_.find(key);
    if (known == said_.end()) {
        if (said_.size() >= kMost) return false;
        said_.emplace(key, said);
        return true;
    }
    const Override& before = known->second;
    if (std::tie(said.changed_ms, said.node) <= std::tie(before.changed_ms, before.node))
        return false;
    known->second = said;
    return true;
}

Overrides::Merged Overrides::merge(const Overrides& other) {
    Merged merged;
    for (const auto& [key, said] : other.said_) {
        if (put(said))
            merged.is_news = true;
        else if (!said_.contains(key))
            ++merged.left_out;
    }
    return merged;
}

bool Overrides::forget_old(std::int64_t now_s) {
    return std::erase_if(said_, [now_s](const auto& entry) {
               const Override& said = entry.second;
               const bool is_over =
                   said.is_lifted || (said.until_s != Override::kForever && said.until_s <= now_s);
               return is_over && now_s - said.changed_ms / 1000 > kRememberS &&
                      (said.until_s == Override::kForever || now_s - said.until_s > kRememberS);
           }) > 0;
}

std::vector<Override> Overrides::all() const {
    std::vector<Override> found;
    for (const auto& [key, said] : said_) found.push_back(said);
    return found;
}

std::vector<Override> Overrides::holding(std::int64_t now_s) const {
    std::vector<Override> found;
    for (const auto& [key, said] : said_)
        if (said.holds(now_s)) found.push_back(said);
    return found;
}

}  // namespace hearth::dns
