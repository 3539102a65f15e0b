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

// Host → service. Case is ignored, so are the port and a final dot.
class Router {
public:
    Router() = default;
    // `services` are referred to by their index. A host given twice belongs to the first.
    explicit Router(const std::vector<Service>& services);

    // `authority`: a valid one, see authority.h.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view authority) const noexcept;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_host_;
};

}  // namespace hearth::proxy
