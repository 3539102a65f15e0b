#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hearth::dns {

// Where hearth-lists keeps what under the state directory, and where hearth-dns finds it.
struct ListLayout {
    std::filesystem::path directory;

    explicit ListLayout(const std::filesystem::path& state_dir) : directory(state_dir / "lists") {}

    // The compiled image (blocklist.h).
    [[nodiscard]] std::filesystem::path image() const { return directory / "compiled.hbl"; }
    // How each list fared in the last run, as JSON (docs/blocklists.md).
    [[nodiscard]] std::filesystem::path status() const { return directory / "status.json"; }
    // Held by the one hearth-lists that runs.
    [[nodiscard]] std::filesystem::path lock() const { return directory / "lock"; }
    // The last good copy of a list's text.
    [[nodiscard]] std::filesystem::path copy(std::string_view list) const {
        return directory / (std::string(list) + ".list");
    }
};

}  // namespace hearth::dns
