#include "proxy/core/cookies.h"

#include <algorithm>

#include "proxy/core/octets.h"

namespace hearth::proxy {

std::string_view cookie_value(const HeaderTable& headers, std::string_view name) noexcept {
    for (const HeaderField& field : headers.fields()) {
        if (field.id != HeaderId::kOther || !equals_ignoring_case(field.name, "cookie")) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(';'), rest.size());
            const std::string_view pair = trimmed(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
            std::string_view value = pair.substr(equals + 1);
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                value = value.substr(1, value.size() - 2);
            return value;
        }
    }
    return {};
}

}  // namespace hearth::proxy
