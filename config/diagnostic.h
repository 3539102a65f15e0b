#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace hearth::config {

enum class Severity : std::uint8_t { kError, kWarning };

// A position as people count: lines and columns from 1, a column being one code
// point. Line 0 means the file as a whole.
struct Position {
    std::string file;
    unsigned line = 0;
    unsigned column = 0;

    [[nodiscard]] std::string to_string() const;  // "hearth.yaml:51:16"
};

struct Note {
    Position at;
    std::string message;
};

// One finding, complete in itself: it outlives the sources it speaks of.
struct Diagnostic {
    Severity severity = Severity::kError;
    Position at;
    unsigned length = 0;  // code points to underline on that line
    std::string message;
    std::string suggestion;   // what was probably meant, or empty
    std::string source_line;  // without its line end; control characters were replaced
    std::vector<Note> notes;

    // "hearth.yaml:51:16: error: upstream pi6 is not a node (did you mean pi5?)"
    [[nodiscard]] std::string headline() const;
};

// Collects findings about `sources`, which must outlive it.
class Diagnostics {
public:
    explicit Diagnostics(const SourceSet& sources) : sources_(&sources) {}

    // The reference is valid until the next finding is added.
    Diagnostic& error(Span span, const std::string& message, const std::string& suggestion = {});
    Diagnostic& warning(Span span, const std::string& message);
    // About a whole file, or a path that could not be read.
    Diagnostic& error_in_file(std::string file, std::string message);

    [[nodiscard]] Note note(Span span, const std::string& message) const;

    [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
    // In the order of the files; warnings only where there is no error, which comes first.
    [[nodiscard]] std::vector<Diagnostic> take();

private:
    Diagnostic& add(Severity severity, Span span, const std::string& message);

    const SourceSet* sources_;
    std::vector<Diagnostic> found_;
    std::size_t errors_ = 0;
};

enum class Colour : std::uint8_t { kPlain, kAnsi };

// As nft prints them: the place, the line, a caret.
[[nodiscard]] std::string render(const std::vector<Diagnostic>& findings,
                                 Colour colour = Colour::kPlain);
// A JSON array.
[[nodiscard]] std::string render_json(const std::vector<Diagnostic>& findings);

}  // namespace hearth::config
