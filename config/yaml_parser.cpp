#include "config/yaml_parser.h"

#include <libfyaml.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace hearth::config {
namespace {

struct FreeDiag {
    void operator()(fy_diag* diag) const noexcept { fy_diag_destroy(diag); }
};
struct FreeParser {
    void operator()(fy_parser* parser) const noexcept { fy_parser_destroy(parser); }
};

class Event {
public:
    explicit Event(fy_parser* parser) : parser_(parser), event_(fy_parser_parse(parser)) {}
    ~Event() {
        if (event_ != nullptr) fy_parser_event_free(parser_, event_);
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    explicit operator bool() const noexcept { return event_ != nullptr; }
    const fy_event* operator->() const noexcept { return event_; }
    [[nodiscard]] fy_token* token() const noexcept { return fy_event_get_token(event_); }

private:
    fy_parser* parser_;
    fy_event* event_;
};

// Builds the tree from libfyaml's events. The first fault ends the work.
class TreeBuilder {
public:
    TreeBuilder(const SourceSet& sources, std::uint16_t file, Diagnostics& diagnostics)
        : source_(sources[file]), file_(file), diagnostics_(diagnostics) {
        fy_diag_cfg config;
        fy_diag_cfg_default(&config);
        config.fp = nullptr;
        config.output_fn = [](fy_diag*, void*, const char*, std::size_t) {};
        diag_.reset(fy_diag_create(&config));
        fy_diag_set_collect_errors(diag_.get(), true);
        fy_parse_cfg parse{};
        parse.flags = static_cast<fy_parse_cfg_flags>(FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
                                                      FYPCF_COLLECT_DIAG);
        parse.diag = diag_.get();
        parser_.reset(fy_parser_create(&parse));
        fy_parser_set_string(parser_.get(), source_.text().data(), source_.text().size());
    }

    std::optional<Value> build() {
        std::optional<Value> root;
        while (true) {
            const Event event(parser_.get());
            if (!event || event->type == FYET_NONE) break;
            if (event->type == FYET_STREAM_END) {
                if (!root) root.emplace();
                return root;
            }
            if (event->type == FYET_STREAM_START || event->type == FYET_DOCUMENT_END) continue;
            if (event->type == FYET_DOCUMENT_START) {
                if (root)
                    return refuse(span_of(event.token()),
                                  "a second YAML document begins here; keep one per file");
                continue;
            }
            root.emplace();
            if (!value(event, 0, *root)) return std::nullopt;
        }
        report_syntax_error();
        return std::nullopt;
    }

private:
    std::nullopt_t refuse(Span span, std::string message) {
        diagnostics_.error(span, std::move(message));
        return std::nullopt;
    }

    void report_syntax_error() {
        void* iterator = nullptr;
        while (const fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &iterator)) {
            if (error->type != FYET_ERROR || error->line < 1) continue;
            const auto line = static_cast<std::size_t>(error->line) - 1;
            const auto column = static_cast<std::size_t>(error->column < 1 ? 1 : error->column) - 1;
            const auto text = source_.line_text(line);
            std::size_t offset = 0;
            for (std::size_t i = 0; i < column && offset < text.size(); ++i)
                offset += std::max<std::size_t>(utf8_length(text.substr(offset)), 1);
            diagnostics_.error(span(before_end(source_.line_start(line) + offset), 1), error->msg);
            return;
        }
        diagnostics_.error(span(0, 1), "this is not YAML");
    }

    // What is missing at the end of the file is missed on its last line.
    [[nodiscard]] std::size_t before_end(std::size_t offset) const {
        const auto last = source_.text().find_last_not_of(" \t\r\n");
        return last == std::string::npos ? 0 : std::min(offset, last);
    }

    [[nodiscard]] Span span(std::size_t offset, std::size_t length) const {
        return {file_, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length)};
    }

    // Quoted scalars with their quotes; block text from its first line; collections by their
    // opening.
    [[nodiscard]] Span span_of(fy_token* token) const {
        const fy_mark* start = token != nullptr ? fy_token_start_mark(token) : nullptr;
        const fy_mark* end = token != nullptr ? fy_token_end_mark(token) : nullptr;
        if (start == nullptr || end == nullptr) return span(0, 0);
        auto from = start->input_pos;
        auto to = end->input_pos;
        const auto& text = source_.text();
        const auto is_quote = [&text](std::size_t i) {
            return i < text.size() && (text[i] == '"' || text[i] == '\'');
        };
        if (is_quoted(token) && from > 0 && is_quote(from - 1)) --from;
        if (is_quoted(token) && is_quote(to)) ++to;
        return span(from, to > from ? to - from : 1);
    }

    [[nodiscard]] static bool is_quoted(fy_token* token) {
        const auto style = fy_token_scalar_style(token);
        return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    }

    bool value(const Event& event, std::size_t depth, Value& out) {
        if (++values_ > kMaxValues)
            return refuse(span_of(event.token()),
                          "more than " + std::to_string(kMaxValues) + " values in one file"),
                   false;
        if (depth > kMaxDepth)
            return refuse(span_of(event.token()),
                          "nested more than " + std::to_string(kMaxDepth) + " levels deep"),
                   false;
        switch (event->type) {
            case FYET_SCALAR: return scalar(event, out);
            case FYET_SEQUENCE_START: return sequence(event, depth, out);
            case FYET_MAPPING_START: return mapping(event, depth, out);
            case FYET_ALIAS:
                refuse(span_of(event.token()),
                       "aliases (*name) are not part of the document; write the value out");
                return false;
            default: report_syntax_error(); return false;
        }
    }

    // Anchors and tags would make a value mean something else than it shows.
    bool is_undecorated(fy_token* anchor, fy_token* tag) {
        if (anchor != nullptr) {
            refuse(
                span_of(anchor),
                "anchors (&name) are not part of the document; write the value where it is needed");
        } else if (tag != nullptr) {
            refuse(span_of(tag), "tags (!type) are not part of the document; remove it");
        }
        return anchor == nullptr && tag == nullptr;
    }

    bool scalar(const Event& event, Value& out) {
        if (!is_undecorated(event->scalar.anchor, event->scalar.tag)) return false;
        fy_token* token = event->scalar.value;
        if (token == nullptr) return true;
        std::size_t size = 0;
        const char* text = fy_token_get_text(token, &size);
        out.span = span_of(token);
        if (text != nullptr) out.text.assign(text, size);
        out.style = fy_token_scalar_style(token) == FYSS_PLAIN ? Style::kPlain : Style::kQuoted;
        const bool is_null = out.style == Style::kPlain &&
                             (out.text.empty() || out.text == "~" || out.text == "null");
        out.kind = is_null ? Kind::kNull : Kind::kScalar;
        return true;
    }

    bool sequence(const Event& start, std::size_t depth, Value& out) {
        if (!is_undecorated(start->sequence_start.anchor, start->sequence_start.tag)) return false;
        out.kind = Kind::kSequence;
        out.span = span_of(start.token());
        while (true) {
            const Event event(parser_.get());
            if (!event || event->type == FYET_NONE) return report_syntax_error(), false;
            if (event->type == FYET_SEQUENCE_END) return true;
            out.items.emplace_back();
            out.items.back().span = out.span;
            if (!value(event, depth + 1, out.items.back())) return false;
        }
    }

    bool mapping(const Event& start, std::size_t depth, Value& out) {
        if (!is_undecorated(start->mapping_start.anchor, start->mapping_start.tag)) return false;
        out.kind = Kind::kMapping;
        out.span = span_of(start.token());
        std::unordered_map<std::string, Span> seen;
        while (true) {
            Entry entry;
            {
                const Event event(parser_.get());
                if (!event || event->type == FYET_NONE) return report_syntax_error(), false;
                if (event->type == FYET_MAPPING_END) return true;
                if (!key(event, entry)) return false;
            }
            const auto [first, is_new] = seen.emplace(entry.key, entry.key_span);
            if (!is_new) {
                diagnostics_.error(entry.key_span, "key " + entry.key + " is written twice")
                    .notes.push_back(diagnostics_.note(first->second, "the first is here"));
                return false;
            }
            const Event event(parser_.get());
            if (!event || event->type == FYET_NONE) return report_syntax_error(), false;
            entry.value.span = entry.key_span;
            if (!value(event, depth + 1, entry.value)) return false;
            out.entries.push_back(std::move(entry));
        }
    }

    bool key(const Event& event, Entry& entry) {
        if (event->type != FYET_SCALAR) {
            const bool is_alias = event->type == FYET_ALIAS;
            refuse(span_of(event.token()), is_alias ? "aliases (*name) are not part of the document"
                                                    : "a key must be plain text");
            return false;
        }
        Value text;
        if (!scalar(event, text)) return false;
        entry.key = std::move(text.text);
        entry.key_style = text.style;
        entry.key_span = text.span;
        return true;
    }

    const Source& source_;
    std::uint16_t file_;
    Diagnostics& diagnostics_;
    std::size_t values_ = 0;
    std::unique_ptr<fy_diag, FreeDiag> diag_;
    std::unique_ptr<fy_parser, FreeParser> parser_;
};

}  // namespace

std::optional<Value> parse_yaml(const SourceSet& sources, std::uint16_t file,
                                Diagnostics& diagnostics) {
    return TreeBuilder(sources, file, diagnostics).build();
}

}  // namespace hearth::config
