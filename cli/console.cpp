#include "cli/console.h"

namespace hearth::cli {

std::string Console::ink(Ink colour, std::string_view text) const {
    static constexpr const char* kCodes[] = {"",         "\033[32m", "\033[33m",
                                             "\033[31m", "\033[1m",  "\033[2m"};
    if (!has_colour || colour == Ink::kPlain) return std::string(text);
    return kCodes[static_cast<std::size_t>(colour)] + std::string(text) + "\033[0m";
}

void Console::complain(std::string_view what, std::string_view next) const {
    err << "hearth: " << what << "\n";
    if (!next.empty()) err << next << "\n";
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet == 0x7f) c = '?';
    }
    return out;
}

}  // namespace hearth::cli
