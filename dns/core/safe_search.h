#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/core/local_answer.h"

namespace hearth::dns {

enum class SafeEngine : std::uint8_t {
    kGoogle,
    kYoutube,          // strict
    kYoutubeModerate,  // instead of strict
    kBing,
    kDuckDuckGo,
    kBrave,
    kEcosia,
    kPixabay,
    kYandex,
};

// Search engines by the names of theirs that leave out what is not for children: each engine's
// own way of letting a network insist on it, a CNAME to such a name. Immutable once filled.
class SafeSearch {
public:
    void add(SafeEngine engine);
    // The CNAME in place of `qname`; null: it is no search engine of those added.
    [[nodiscard]] const LocalNode* find(const Name& qname) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }

private:
    void lead(std::string_view name, std::string_view target);

    struct WireHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view wire) const noexcept {
            return std::hash<std::string_view>{}(wire);
        }
    };
    std::unordered_map<std::string, LocalNode, WireHash, std::equal_to<>> nodes_;
};

// Sends a path that leads to the upstreams on to the safe name, unless blocking is off or an allow
// rule speaks of the name.
void lead_to_safe_search(const SafeSearch& safe, const BlockPolicy& policy, RrType qtype,
                         LocalPath& path);

}  // namespace hearth::dns
