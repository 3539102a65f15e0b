#include "base/idna.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

namespace hearth {

std::optional<std::string> ascii_name(const std::string& text) {
    const bool is_ascii =
        std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (is_ascii) return text;
    char* made = nullptr;
    const int status = idn2_to_ascii_8z(text.c_str(), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owner(made, &idn2_free);
    if (status != IDN2_OK) return std::nullopt;
    return std::string(made);
}

}  // namespace hearth
