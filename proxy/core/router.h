#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/model/service.h"

namespace hearth::proxy {

// Where a request goes. A service is its index.
struct Route {
    std::optional<std::size_t> service;  // none: nobody has that host
    std::size_t owner = 0;               // of the host; differs from `service` where a path decided
    const PathRule* rule = nullptr;      // that decided; in the services the router was made of
    bool is_named = false;   // the host is one of the owner's own, not of a wildcard or the default
    bool ambiguous = false;  // to whom it goes depends on how its encoded slashes are read
};

// Host and path → service. The host: case is ignored, so are the port and a final dot; an exact
// name goes before a wildcard, a longer wildcard before a shorter one, and what nobody has goes to
// the default. Then the path, normalised: an exact one before prefixes, a longer prefix before a
// shorter one, and what none has is the owner's of the host.
class Router {
public:
    Router() = default;
    // A host given twice belongs to the first. Keeps pointers to the services' rules.
    explicit Router(const std::vector<Service>& services,
                    std::optional<std::size_t> fallback = std::nullopt);

    // `authority`: a valid one, see authority.h.
    [[nodiscard]] Route find(std::string_view authority, std::string_view target) const;
    // Whose the host is, whatever the path.
    [[nodiscard]] std::optional<std::size_t> owner_of(std::string_view authority) const noexcept {
        Route route;
        find_owner(authority, route);
        return route.service;
    }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct Branch {
        const PathRule* rule;
        std::size_t service;
    };
    template <class Value>
    using ByHost = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

    void find_owner(std::string_view authority, Route& route) const noexcept;
    [[nodiscard]] const Branch* branch_for(const std::vector<Branch>& branches,
                                           std::string_view path) const noexcept;

    ByHost<std::size_t> by_host_;
    ByHost<std::size_t> by_suffix_;  // ".apps.home" of "*.apps.home"
    std::optional<std::size_t> fallback_;
    // By owner of the host, the one to look at first in front.
    std::unordered_map<std::size_t, std::vector<Branch>> branches_;
};

}  // namespace hearth::proxy
