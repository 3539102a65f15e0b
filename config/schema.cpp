#include "config/schema.h"

#include <string_view>

#include "config/json_text.h"
#include "config/sections.h"

namespace hearth::config {
namespace {

std::string section_schema(const SectionTable& table);
std::string value_schema(const TypeInfo& type);

// One value of a field, before its shape.
std::string item_schema(const TypeInfo& type) {
    if (type.section == nullptr) return type.schema;
    const SectionTable& table = *type.section;
    if (table.shorthand.empty()) return section_schema(table);
    return R"({"anyOf":[)" + section_schema(table) + "," +
           value_schema(table.find(table.shorthand)->type) + "]}";
}

std::string value_schema(const TypeInfo& type) {
    std::string item = item_schema(type);
    if (type.shape == Shape::kList) {
        std::string list = R"({"anyOf":[)" + item + R"(,{"type":"array","items":)" + item;
        if (type.limits.min > 0) list += R"(,"minItems":)" + std::to_string(type.limits.min);
        return list + R"(,"maxItems":)" + std::to_string(type.limits.max) + "}]}";
    }
    if (type.shape == Shape::kMap)
        return R"({"type":["object","null"],"maxProperties":)" + std::to_string(type.limits.max) +
               R"(,"propertyNames":)" + type.key_schema + R"(,"additionalProperties":)" + item +
               "}";
    return item;
}

std::string field_schema(const Field& field) {
    std::string description(field.help);
    if (!field.fallback.empty()) description += " Default: " + field.fallback + ".";
    std::string out = value_schema(field.type);
    out.pop_back();
    return out + R"(,"description":)" + json_quote(description) + "}";
}

std::string section_schema(const SectionTable& table) {
    std::string properties;
    std::string required;
    for (const Field& field : table.fields) {
        if (!properties.empty()) properties += ",";
        properties += json_quote(field.key) + ":" + field_schema(field);
        if (field.presence != Presence::kRequired) continue;
        if (!required.empty()) required += ",";
        required += json_quote(field.key);
    }
    std::string out = required.empty() ? R"({"type":["object","null"])" : R"({"type":"object")";
    out += R"(,"properties":{)" + properties + "}";
    if (!required.empty()) out += R"(,"required":[)" + required + "]";
    return out + R"(,"additionalProperties":false})";
}

// Valid compact JSON with two spaces of indentation; empty and scalar-only arrays stay on one line.
std::string indent(std::string_view json) {
    std::string out;
    std::size_t depth = 0;
    bool in_text = false;
    const auto new_line = [&] { out += "\n" + std::string(depth * 2, ' '); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_text || c == '"') {
            if (c == '"' && (i == 0 || json[i - 1] != '\\' || !in_text)) in_text = !in_text;
            out.push_back(c);
        } else if (c == '{' || c == '[') {
            out.push_back(c);
            ++depth;
            new_line();
        } else if (c == '}' || c == ']') {
            --depth;
            new_line();
            out.push_back(c);
        } else if (c == ',') {
            out.push_back(c);
            new_line();
        } else {
            out += c == ':' ? std::string(": ") : std::string(1, c);
        }
    }
    return out + "\n";
}

}  // namespace

std::string json_schema() {
    std::string root = section_schema(document_section());
    root.erase(0, 1);
    return indent(
        R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"hearth.yaml","description":)" +
        json_quote(document_section().help) + "," + root);
}

}  // namespace hearth::config
