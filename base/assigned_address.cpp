#include "base/assigned_address.h"

#include <charconv>
#include <optional>

namespace hearth {
namespace {

constexpr std::size_t kMostLines = 1024;
constexpr std::size_t kLongestName = 63;

std::string_view cut(std::string_view& text, char end) {
    const auto at = text.find(end);
    const auto piece = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return piece;
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
               std::string_view::npos;
}

std::optional<AssignedAddress> parse_line(std::string_view line) {
    AssignedAddress one;
    const auto name = cut(line, ' ');
    const auto address = IpAddress::parse(cut(line, ' '));
    const auto revision = cut(line, ' ');
    if (!is_name(name) || !address || !read_number(revision, one.revision) ||
        !read_number(line, one.assigned_s) || one.revision == 0 || one.assigned_s < 0)
        return std::nullopt;
    one.vip = name;
    one.address = *address;
    return one;
}

}  // namespace

std::string write_assigned(const std::vector<AssignedAddress>& all) {
    std::string text;
    for (const AssignedAddress& one : all)
        text += one.vip + " " + one.address.to_string() + " " + std::to_string(one.revision) + " " +
                std::to_string(one.assigned_s) + "\n";
    return text;
}

Result<std::vector<AssignedAddress>> parse_assigned(std::string_view text) {
    std::vector<AssignedAddress> all;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto line = cut(text, '\n');
        if (line.empty() || line.starts_with('#')) continue;
        auto one = parse_line(line);
        if (!one || all.size() == kMostLines)
            return fail(Errc::kInvalid, "line " + std::to_string(number),
                        "is not VIP ADDRESS REVISION SECONDS");
        all.push_back(std::move(*one));
    }
    return all;
}

}  // namespace hearth
