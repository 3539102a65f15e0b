#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/json_text.h"

namespace hearth::config {
namespace {

// Lines longer than this are shown as a window around the place.
constexpr std::size_t kWindow = 160;
constexpr std::size_t kWindowLead = 60;

std::string printable(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto length = utf8_length(text.substr(i));
        const auto c = static_cast<unsigned char>(text[i]);
        const bool control =
            (c < 0x20 && c != '\t') || c == 0x7f ||
            (length == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
        if (length == 0 || control) {
            out += "\ufffd";
        } else {
            out += text.substr(i, length);
        }
        i += length == 0 ? 1 : length;
    }
    return out;
}

// Byte offset of code point `index` in valid UTF-8, or the text's size.
std::size_t offset_of(std::string_view text, std::size_t index) noexcept {
    std::size_t at = 0;
    while (index > 0 && at < text.size()) {
        at += std::max<std::size_t>(utf8_length(text.substr(at)), 1);
        --index;
    }
    return at;
}

Position position_of(const SourceSet& sources, Span span) {
    const Source& source = sources[span.file];
    const auto line = source.line_of(span.offset);
    const auto start = source.line_start(line);
    const auto before = std::string_view(source.text()).substr(start, span.offset - start);
    return {source.path(), static_cast<unsigned>(line + 1),
            static_cast<unsigned>(code_points(before) + 1)};
}

struct Paint {
    const char* strong = "";
    const char* error = "";
    const char* warning = "";
    const char* mark = "";
    const char* off = "";
};

const Paint& paint_for(Colour colour) {
    static const Paint plain;
    static const Paint ansi{"\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;32m", "\033[0m"};
    return colour == Colour::kAnsi ? ansi : plain;
}

std::string_view word_for(Severity severity) {
    return severity == Severity::kError ? "error" : "warning";
}

std::string message_of(const Diagnostic& finding) {
    if (finding.suggestion.empty()) return finding.message;
    return finding.message + " (did you mean " + finding.suggestion + "?)";
}

// The source line and the line under it that marks the place; tabs stay tabs so that both align.
std::string excerpt(const Diagnostic& finding, const Paint& paint) {
    std::string_view line = finding.source_line;
    std::size_t lead = finding.at.column - 1;
    std::string shown;
    if (code_points(line) > kWindow) {
        const std::size_t skip = lead > kWindowLead ? lead - kWindowLead : 0;
        line.remove_prefix(offset_of(line, skip));
        lead -= skip;
        if (skip > 0) shown = "…";
        if (skip > 0) ++lead;
        if (code_points(line) > kWindow) line = line.substr(0, offset_of(line, kWindow));
    }
    shown += line;
    std::string pad;
    for (const char c : std::string_view(shown).substr(0, offset_of(shown, lead))) {
        if (c == '\t') pad.push_back('\t');
        if (c != '\t' && (static_cast<unsigned char>(c) & 0xc0U) != 0x80U) pad.push_back(' ');
    }
    const std::size_t room = std::max(code_points(shown), lead + 1) - lead;
    const std::size_t length = std::clamp<std::size_t>(finding.length, 1, room);
    return shown + "\n" + pad + paint.mark + "^" + std::string(length - 1, '~') + paint.off + "\n";
}

std::string json_position(const Position& at) {
    return "\"file\":" + json_quote(at.file) + ",\"line\":" + std::to_string(at.line) +
           ",\"column\":" + std::to_string(at.column);
}

std::string json_of(const Diagnostic& finding) {
    std::string out = "{\"severity\":" + json_quote(word_for(finding.severity)) + "," +
                      json_position(finding.at) + ",\"length\":" + std::to_string(finding.length) +
                      ",\"message\":" + json_quote(finding.message);
    out +=
        ",\"suggestion\":" + (finding.suggestion.empty() ? "null" : json_quote(finding.suggestion));
    out += ",\"source\":" + json_quote(finding.source_line) + ",\"notes\":[";
    for (const Note& note : finding.notes) {
        if (out.back() == '}') out.push_back(',');
        out += "{" + json_position(note.at) + ",\"message\":" + json_quote(note.message) + "}";
    }
    return out + "]}";
}

}  // namespace

std::string Position::to_string() const {
    if (line == 0) return file;
    return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Diagnostic::headline() const {
    return at.to_string() + ": " + std::string(word_for(severity)) + ": " + message_of(*this);
}

Diagnostic& Diagnostics::add(Severity severity, Span span, const std::string& message) {
    const Source& source = (*sources_)[span.file];
    const auto line = source.line_of(span.offset);
    const auto line_end = source.line_start(line) + source.line_text(line).size();
    const auto offset = std::min<std::size_t>(span.offset, line_end);
    const auto length = std::min<std::size_t>(span.length, line_end - offset);
    Diagnostic finding;
    finding.severity = severity;
    finding.at = position_of(*sources_, span);
    finding.length =
        static_cast<unsigned>(code_points(std::string_view(source.text()).substr(offset, length)));
    // Escapes in double quotes make any character ("\\e[2J"), and messages quote what stands there.
    finding.message = printable(message);
    finding.source_line = printable(source.line_text(line));
    if (severity == Severity::kError) ++errors_;
    found_.push_back(std::move(finding));
    return found_.back();
}

Diagnostic& Diagnostics::error(Span span, const std::string& message,
                               const std::string& suggestion) {
    Diagnostic& finding = add(Severity::kError, span, message);
    finding.suggestion = printable(suggestion);
    return finding;
}

Diagnostic& Diagnostics::warning(Span span, const std::string& message) {
    return add(Severity::kWarning, span, message);
}

Diagnostic& Diagnostics::error_in_file(std::string file, std::string message) {
    Diagnostic finding;
    finding.at.file = std::move(file);
    finding.message = std::move(message);
    ++errors_;
    found_.push_back(std::move(finding));
    return found_.back();
}

Note Diagnostics::note(Span span, const std::string& message) const {
    return {position_of(*sources_, span), printable(message)};
}

std::vector<Diagnostic> Diagnostics::take() {
    if (has_errors()) {
        std::erase_if(found_, [](const Diagnostic& finding) {
            return finding.severity == Severity::kWarning;
        });
    }
    const auto rank = [this](const Diagnostic& finding) {
        std::size_t file = 0;
        while (file < sources_->size() && (*sources_)[file].path() != finding.at.file) ++file;
        return std::tuple(file, finding.at.line, finding.at.column);
    };
    std::stable_sort(
        found_.begin(), found_.end(),
        [&rank](const Diagnostic& a, const Diagnostic& b) { return rank(a) < rank(b); });
    errors_ = 0;
    return std::exchange(found_, {});
}

std::string render(const std::vector<Diagnostic>& findings, Colour colour) {
    const Paint& paint = paint_for(colour);
    std::string out;
    for (const Diagnostic& finding : findings) {
        const bool is_error = finding.severity == Severity::kError;
        out += paint.strong + finding.at.to_string() + ":" + paint.off + " ";
        out += is_error ? paint.error : paint.warning;
        out += std::string(word_for(finding.severity)) + ":" + paint.off + " ";
        out += paint.strong + message_of(finding) + paint.off + "\n";
        if (finding.at.line > 0) out += excerpt(finding, paint);
        for (const Note& note : finding.notes)
            out += note.at.to_string() + ": note: " + note.message + "\n";
    }
    return out;
}

std::string render_json(const std::vector<Diagnostic>& findings) {
    std::string out = "[";
    for (const Diagnostic& finding : findings) {
        if (out.size() > 1) out.push_back(',');
        out += json_of(finding);
    }
    return out + "]";
}

}  // namespace hearth::config
