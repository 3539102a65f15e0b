#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "certs/model/certificate.h"

namespace hearth::certs {

// Where keys are kept: one folder that nobody else may enter, its files 0600 and replaced as a
// whole.
//
//     root.pem              the root and its key
//     proxy/NAME.pem        a leaf and its key
//     dns/NAME.pem
//
// Blocks; the files are small.
class Vault {
public:
    explicit Vault(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // Makes the folders, and takes others' permissions away.
    [[nodiscard]] Result<void> prepare() const;

    // nullopt: there is none.
    [[nodiscard]] Result<std::optional<std::string>> root() const;
    [[nodiscard]] Result<void> keep_root(std::string_view pem) const;

    [[nodiscard]] Result<std::optional<std::string>> leaf(const WantedLeaf& wanted) const;
    [[nodiscard]] Result<void> keep_leaf(const WantedLeaf& wanted, std::string_view pem) const;
    // Removes every leaf that is none of these.
    void drop_others(const std::vector<WantedLeaf>& wanted) const;

private:
    [[nodiscard]] std::filesystem::path path_of(const WantedLeaf& wanted) const;

    std::filesystem::path directory_;
};

}  // namespace hearth::certs
