#include "proxy/core/redaction.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kCover = "***";

// A parameter's name with what spells it differently undone: percent-encoding, case, '-', '_'.
class FoldedParameter {
public:
    explicit FoldedParameter(std::string_view name) noexcept {
        for (std::size_t i = 0; i < name.size() && size_ < text_.size(); ++i) {
            char c = name[i];
            if (c == '%' && i + 2 < name.size()) {
                c = static_cast<char>(digit(name[i + 1]) << 4 | digit(name[i + 2]));
                i += 2;
            }
            if (c != '-' && c != '_' && c != '.') text_[size_++] = to_lower(c);
        }
    }
    [[nodiscard]] bool sounds_secret() const noexcept {
        constexpr std::string_view kWhole[] = {"key", "pw",  "pwd", "pass", "auth", "code",
                                               "sig", "sid", "otp", "pin",  "hmac", "ticket"};
        constexpr std::string_view kWithin[] = {
            "token",     "passw",      "secret",  "apikey", "accesskey", "authorization",
            "signature", "credential", "session", "jwt",    "samlre"};
        const std::string_view text(text_.data(), size_);
        return std::ranges::find(kWhole, text) != std::end(kWhole) ||
               std::ranges::any_of(kWithin, [text](std::string_view part) {
                   return text.find(part) != std::string_view::npos;
               });
    }

private:
    static unsigned digit(char c) noexcept {
        const char lower = to_lower(c);
        return static_cast<unsigned>(lower >= 'a' ? lower - 'a' + 10 : lower - '0') & 15U;
    }

    std::array<char, 48> text_{};
    std::size_t size_ = 0;
};

// "user:password@" behind "://"; its place and size.
struct UserInfo {
    std::size_t at = 0;
    std::size_t size = 0;
};

UserInfo user_info_of(std::string_view url) noexcept {
    const std::size_t scheme = url.substr(0, url.find_first_of("/?#")).size();
    if (!url.substr(scheme).starts_with("//")) return {};
    const std::size_t begin = scheme + 2;
    const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
    const std::size_t at = authority.rfind('@');
    return at == std::string_view::npos ? UserInfo{} : UserInfo{begin, at};
}

std::string_view parameter_name(std::string_view parameter) noexcept {
    return parameter.substr(0, parameter.find('='));
}

bool is_secret(std::string_view parameter) noexcept {
    const std::string_view name = parameter_name(parameter);
    return name.size() < parameter.size() && FoldedParameter(name).sounds_secret();
}

// Calls `take` with each parameter of a query and the octet behind it, if any.
template <class Take>
void for_each_parameter(std::string_view query, Take take) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find_first_of("&;#"), query.size());
        const std::size_t next = std::min(end + 1, query.size());
        take(query.substr(0, end), query.substr(end, next - end));
        query.remove_prefix(next);
    }
}

}  // namespace

std::string_view without_secrets(std::string_view url, std::string& space) {
    const UserInfo user = user_info_of(url);
    const std::size_t query = std::min(url.find_first_of("?#"), url.size());
    bool has_any = user.size != 0;
    for_each_parameter(url.substr(std::min(query + 1, url.size())),
                       [&](std::string_view one, std::string_view) { has_any |= is_secret(one); });
    if (!has_any) return url;

    space.assign(url.substr(0, user.at));
    if (user.size != 0) space.append(kCover);
    space.append(url.substr(user.at + user.size, query - user.at - user.size));
    if (query == url.size()) return space;
    space.push_back(url[query]);
    for_each_parameter(url.substr(query + 1), [&](std::string_view one, std::string_view behind) {
        if (is_secret(one)) {
            space.append(parameter_name(one)).append("=").append(kCover);
        } else {
            space.append(one);
        }
        space.append(behind);
    });
    return space;
}

}  // namespace hearth::proxy
