#include "config/source.h"

#include <algorithm>
#include <utility>

namespace hearth::config {
namespace {

bool is_unwanted(std::string_view sequence, char next) noexcept {
    const auto c = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) {
        if (c == '\r') return next != '\n';
        return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
    }
    // C1 controls with NEL; LINE and PARAGRAPH SEPARATOR, which YAML 1.1 takes for line ends.
    if (sequence.size() == 2) return c == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
    return sequence == "\u2028" || sequence == "\u2029" || sequence == "\ufeff";
}

}  // namespace

Source::Source(std::string path, std::string text)
    : path_(std::move(path)), text_(std::move(text)) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i) {
        if (text_[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
    }
}

std::size_t Source::line_of(std::size_t offset) const noexcept {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return static_cast<std::size_t>(next - starts_.begin()) - 1;
}

std::size_t Source::line_start(std::size_t line) const noexcept {
    return line < starts_.size() ? starts_[line] : text_.size();
}

std::string_view Source::line_text(std::size_t line) const noexcept {
    const auto start = line_start(line);
    auto text = std::string_view(text_).substr(start, line_start(line + 1) - start);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

std::size_t utf8_length(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&at](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
    const unsigned lead = at(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const bool overlong = lead == 0xe0 && at(1) < 0xa0;
        const bool surrogate = lead == 0xed && at(1) > 0x9f;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const bool overlong = lead == 0xf0 && at(1) < 0x90;
        const bool too_high = lead == 0xf4 && at(1) > 0x8f;
        return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
    }
    return 0;
}

std::size_t code_points(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

TextFault find_text_fault(std::string_view text) {
    bool line_begins = true;
    for (std::size_t i = 0; i < text.size();) {
        const auto length = utf8_length(text.substr(i));
        if (length == 0) return {i, 1, "this is not UTF-8; save the file in that encoding"};
        const auto sequence = text.substr(i, length);
        if (is_unwanted(sequence, i + 1 < text.size() ? text[i + 1] : '\0'))
            return {i, length, "control character; remove it"};
        if (line_begins && sequence == "%")
            return {i, 1, "directives (lines that begin with %) are not part of the document"};
        line_begins = sequence == "\n";
        i += length;
    }
    return {};
}

}  // namespace hearth::config
