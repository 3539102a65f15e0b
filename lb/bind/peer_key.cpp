#include "lb/bind/peer_key.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

namespace hearth::lb {

Result<PeerKey> read_peer_key(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found)
        return fail(Errc::kNotFound, path,
                    "is missing: make it with `hearth peer keygen` and copy it to every node");
    constexpr auto kOthers = std::filesystem::perms::others_all;
    if (!error && (status.permissions() & kOthers) != std::filesystem::perms::none)
        return fail(Errc::kRefused, path, "is open to everybody: chmod 600 it, or make a new key");
    std::ifstream in(path);
    std::string text;
    if (!std::getline(in, text)) return fail(Errc::kRefused, path, "cannot be read");
    PeerKey key{};
    if (text.size() != key.size() * 2)
        return fail(Errc::kInvalid, path, "holds no key: 64 hexadecimal digits");
    for (std::size_t i = 0; i < key.size(); ++i) {
        const char* digits = text.data() + i * 2;
        const auto [end, code] = std::from_chars(digits, digits + 2, key[i], 16);
        if (code != std::errc{} || end != digits + 2)
            return fail(Errc::kInvalid, path, "holds no key: 64 hexadecimal digits");
    }
    return key;
}

}  // namespace hearth::lb
