#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::config {

// A stretch of bytes of one source file.
struct Span {
    std::uint16_t file = 0;  // index into the SourceSet
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

// One file of the document, held in memory as it was read.
class Source {
public:
    Source(std::string path, std::string text);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    // Lines count from 0 here. A line's text has no line end.
    [[nodiscard]] std::size_t line_of(std::size_t offset) const noexcept;
    [[nodiscard]] std::size_t line_start(std::size_t line) const noexcept;
    [[nodiscard]] std::string_view line_text(std::size_t line) const noexcept;

private:
    std::string path_;
    std::string text_;
    std::vector<std::uint32_t> starts_;
};

using SourceSet = std::vector<Source>;

// Length of the well-formed UTF-8 sequence at the front (Unicode 15, table 3-7), or 0.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

// Code points in UTF-8 text, which need not be valid: continuation bytes do not count.
[[nodiscard]] std::size_t code_points(std::string_view text) noexcept;

// The first thing that keeps `text` from being handed to the YAML parser.
struct TextFault {
    std::size_t offset = 0;
    std::size_t length = 0;
    std::string message;  // empty: nothing is wrong
};

// Refuses what is not UTF-8, control characters (NUL, a lone CR, line ends other than LF and
// CRLF), a byte order mark, and lines that begin with '%': libfyaml 0.7.12
// hangs for ever on the two bytes "%\xEF", and the document needs no directives.
[[nodiscard]] TextFault find_text_fault(std::string_view text);

}  // namespace hearth::config
