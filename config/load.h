#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/document.h"

namespace hearth::config {

inline constexpr std::size_t kMaxFileBytes = 1U << 20;
inline constexpr std::size_t kMaxFiles = 64;

// Where libfyaml meets the text first.
enum class Parsing : std::uint8_t {
    kTriedInChild,  // in a forked child under a deadline (parse_guard.h), then here
    kInProcess,     // here at once: for fuzzers
};

struct LoadOptions {
    Parsing parsing = Parsing::kTriedInChild;
    std::chrono::milliseconds deadline{2000};
};

struct Loaded {
    std::optional<Document> document;  // absent when a finding is an error
    std::vector<Diagnostic> findings;  // errors, or warnings alone
    std::string hash;                  // of what was read, also of a rejected document

    [[nodiscard]] explicit operator bool() const noexcept { return document.has_value(); }
};

// Reads `path` and conf.d/*.yaml beside it, in lexical order, and checks the whole. Blocks on the
// disk, and for `deadline` on a hostile text; any thread may call it.
[[nodiscard]] Loaded load(const std::string& path, const LoadOptions& options = {});

// The same for texts in memory; relative paths in them start at `folder`.
[[nodiscard]] Loaded load_sources(const std::vector<Source>& sources, const std::string& folder,
                                  const LoadOptions& options = {});

}  // namespace hearth::config
