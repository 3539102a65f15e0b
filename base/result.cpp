#include "base/result.h"

#include <system_error>

namespace hearth {

std::string_view to_string(Errc code) noexcept {
    switch (code) {
        case Errc::kInvalid: return "invalid";
        case Errc::kTruncated: return "truncated";
        case Errc::kTooLarge: return "too_large";
        case Errc::kNotFound: return "not_found";
        case Errc::kConflict: return "conflict";
        case Errc::kRefused: return "refused";
        case Errc::kUnavailable: return "unavailable";
        case Errc::kTimeout: return "timeout";
        case Errc::kSystem: return "system";
    }
    return "unknown";
}

std::string Error::to_string() const {
    if (where.empty()) return detail;
    if (detail.empty()) return where;
    return where + ": " + detail;
}

Error Error::from_errno(std::string where, int errnum) {
    return Error{Errc::kSystem, std::move(where), std::generic_category().message(errnum)};
}

}  // namespace hearth
