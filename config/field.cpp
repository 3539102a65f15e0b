#include "config/field.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

bool is_number_like(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What readers of YAML 1.1 make of the plain word: the Norway problem.
bool is_boolean_like(std::string_view text) noexcept {
    static constexpr std::array kWords{"yes", "no", "on", "off", "true", "false", "null", "~"};
    return std::find(kWords.begin(), kWords.end(), lower_case(text)) != kWords.end();
}

// "immich" for "immich.home", "home-assistant" for "home_assistant"; else nothing.
std::string label_like(std::string text) {
    text.resize(std::min(text.find('.'), text.size()));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '_' || c == ' '; }, '-');
    return is_host_label(text) ? text : std::string{};
}

// "{service: authelia, path: /api/verify}": what a map here has at least.
std::string map_like(const SectionTable& table) {
    std::string text;
    const auto add = [&text](const Field& field) {
        text += (text.empty() ? "{" : ", ") + std::string(field.key) + ": " +
                std::string(field.example);
    };
    for (const Field& field : table.fields) {
        if (field.presence == Presence::kRequired) add(field);
    }
    if (text.empty() && !table.fields.empty()) add(table.fields.front());
    return text + "}";
}

std::string place_name(const SectionTable& table) {
    return table.path.empty() ? "the document" : std::string(table.path);
}

// Reports keys that the table does not have; returns the keys that were probably meant.
std::set<std::string, std::less<>> report_unknown_keys(const SectionTable& table,
                                                       const Value& value, ReadContext& context) {
    std::vector<std::string> keys;
    for (const Field& field : table.fields) keys.emplace_back(field.key);
    std::set<std::string, std::less<>> meant;
    for (const Entry& entry : value.entries) {
        if (table.find(entry.key) != nullptr) continue;
        const auto suggestion = closest(entry.key, keys);
        context.diagnostics.error(
            entry.key_span, "unknown key " + entry.key + " in " + place_name(table), suggestion);
        meant.insert(suggestion);
    }
    return meant;
}

void report_missing(const Field& field, Span place, ReadContext& context) {
    const std::string key(field.key);
    context.diagnostics.error(
        place, key + " is missing; for example " + key + ": " + std::string(field.example));
}

}  // namespace

std::string_view kind_name(const Value& value) noexcept {
    switch (value.kind) {
        case Kind::kNull: return "nothing";
        case Kind::kScalar: return "text";
        case Kind::kSequence: return "a list";
        case Kind::kMapping: return "a map";
    }
    return "nothing";
}

bool expect_scalar(const Value& value, std::string_view wanted, ReadContext& context) {
    if (value.kind == Kind::kScalar) return true;
    std::string found(kind_name(value));
    context.diagnostics.error(value.span,
                              "expected " + std::string(wanted) + " here, found " + found);
    return false;
}

bool expect_count(std::size_t count, Limits limits, const Value& value, ReadContext& context) {
    const bool is_map = value.kind == Kind::kMapping;
    if (count < limits.min)
        context.diagnostics.error(
            value.span, is_map ? "this map must not be empty" : "this list must not be empty");
    if (count > limits.max)
        context.diagnostics.error(value.span,
                                  std::to_string(count) + " entries are more than the " +
                                      std::to_string(limits.max) + " that are possible here");
    return count >= limits.min && count <= limits.max;
}

Parsed<std::string> parse_label(const std::string& text, Style style) {
    const bool is_plain = style == Style::kPlain;
    if (is_plain && is_boolean_like(text))
        return fault(text + " without quotes is a boolean to many YAML readers",
                     "\"" + text + "\"");
    if (is_plain && is_number_like(text))
        return fault(text + " without quotes is a number to YAML readers", "\"" + text + "\"");
    if (lower_case(text) != text) return fault("names are written in lower case", lower_case(text));
    if (!is_host_label(text))
        return fault(text + " is not a host name: letters, digits and inner hyphens, at most 63",
                     label_like(text));
    return text;
}

bool expect_label(const Entry& entry, ReadContext& context) {
    const auto label = parse_label(entry.key, entry.key_style);
    if (!label)
        context.diagnostics.error(entry.key_span, label.error().message, label.error().suggestion);
    return label.has_value();
}

std::string label_schema() { return R"({"pattern":"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"})"; }

const Field* SectionTable::find(std::string_view key) const noexcept {
    for (const Field& field : fields) {
        if (field.key == key) return &field;
    }
    return nullptr;
}

bool SectionTable::read(const Value& value, Span key_span, void* target,
                        ReadContext& context) const {
    const bool is_bare = value.kind == Kind::kScalar || value.kind == Kind::kSequence;
    if (is_bare && !shorthand.empty()) {
        if (!find(shorthand)->read(value, target, context)) return false;
        return !finish || finish(value, key_span, target, context);
    }
    if (is_bare) {
        context.diagnostics.error(value.span, "expected a map here, found " +
                                                  std::string(kind_name(value)) + "; for example " +
                                                  map_like(*this));
        return false;
    }
    const auto meant = report_unknown_keys(*this, value, context);
    bool is_good = meant.empty();
    // In the table's order, so that later rows can refer to what earlier ones defined.
    for (const Field& field : fields) {
        const Entry* entry = value.find(field.key);
        bool was_read = true;
        if (entry != nullptr) {
            was_read = field.read(entry->value, target, context);
        } else if (field.presence == Presence::kRequired) {
            was_read = false;
            if (!meant.contains(field.key)) report_missing(field, key_span, context);
        }
        if (!was_read && path.empty()) context.broken.emplace(field.key);
        is_good = was_read && is_good;
    }
    return is_good && (!finish || finish(value, key_span, target, context));
}

}  // namespace hearth::config
