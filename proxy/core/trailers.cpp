#include "proxy/core/trailers.h"

#include <algorithm>
#include <array>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

bool carries_result(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 7> kResults{
        "grpc-status",    "grpc-message", "grpc-status-details-bin", "server-timing", "digest",
        "content-digest", "repr-digest"};
    return std::any_of(kResults.begin(), kResults.end(), [name](std::string_view result) {
        return equals_ignoring_case(name, result);
    });
}

}  // namespace

bool may_forward_trailer(std::string_view name, TrailerRule rule) noexcept {
    if (rule == TrailerRule::kResults) return carries_result(name);
    return header_id(name) == HeaderId::kOther && !equals_ignoring_case(name, "set-cookie");
}

void append_trailer(std::string& lines, std::string_view name, std::string_view value,
                    TrailerRule rule) {
    value = trimmed(value);
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return is_of(c, octet_class::kToken) && !(c >= 'A' && c <= 'Z');
    });
    if (!is_name || !all_of(value, octet_class::kValue) || !may_forward_trailer(name, rule)) return;
    if (lines.size() + name.size() + value.size() + 4 > kMaxTrailers) return;
    lines.append(name).append(": ").append(value).append("\r\n");
}

bool is_grpc(std::string_view content_type) noexcept {
    constexpr std::string_view kType = "application/grpc";
    if (!equals_ignoring_case(content_type.substr(0, kType.size()), kType)) return false;
    const std::string_view rest = content_type.substr(kType.size());
    return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

bool is_grpc(const HeaderTable& headers) noexcept {
    const HeaderField* type = headers.find(HeaderId::kContentType);
    return type != nullptr && is_grpc(type->value);
}

}  // namespace hearth::proxy
