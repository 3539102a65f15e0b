#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "config/sections.h"

namespace hearth::config {
namespace {

// Every section in the order in which a reader meets it.
void collect(const SectionTable& table, std::vector<const SectionTable*>& all) {
    all.push_back(&table);
    for (const Field& field : table.fields) {
        if (field.type.section != nullptr) collect(*field.type.section, all);
    }
}

std::vector<const SectionTable*> all_sections() {
    std::vector<const SectionTable*> all;
    collect(document_section(), all);
    return all;
}

std::string type_text(const Field& field) {
    const TypeInfo& type = field.type;
    const std::string section =
        type.section != nullptr ? std::string(type.section->path) : std::string();
    switch (type.shape) {
        case Shape::kOne: return section.empty() ? type.name : "section";
        case Shape::kList: return "list of " + (section.empty() ? type.name : section);
        case Shape::kMap: return "names, each with " + (section.empty() ? type.name : section);
    }
    return type.name;
}

std::string default_text(const Field& field) {
    if (field.presence == Presence::kRequired) return "required";
    return field.fallback.empty() ? "none" : field.fallback;
}

// Characters that Markdown would read as markup, in text for people.
std::string markdown(std::string_view text) {
    std::string out;
    bool is_code = false;
    for (const char c : text) {
        if (c == '`') is_code = !is_code;
        if (!is_code && (c == '*' || c == '|' || c == '_')) out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

// The same for scdoc, which also gives a meaning to _ and to lines that begin with '.'.
std::string scdoc(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '\\' || c == '<' || c == '#') out.push_back('\\');
        if (c != '`') out.push_back(c);
    }
    return out;
}

std::string default_sentence(const Field& field) {
    if (field.presence == Presence::kRequired) return "Required.";
    return "Default: " + scdoc(default_text(field)) + ".";
}

}  // namespace

std::string reference_markdown() {
    std::string out =
        "# hearth.yaml: every key\n\n"
        "`hearth reference` prints this page from the tables that also read the document; `hearth "
        "schema` prints the same as a JSON Schema for editors.\n\n"
        "A list of one may be written without its brackets. Durations carry a unit (`250ms`, "
        "`10s`, `5m`, `12h`, `7d`), sizes too (`512KiB`, `16MiB`). Anchors, aliases, tags and "
        "directives of YAML are not used. Files in `conf.d/*.yaml` beside the document are read "
        "after it in lexical order: maps are merged, and one key in two files is an error.\n";
    for (const SectionTable* table : all_sections()) {
        out += table->path.empty() ? "\n## The document\n\n"
                                   : "\n## `" + std::string(table->path) + "`\n\n";
        out += markdown(table->help) +
               "\n\n| key | value | default | meaning | example |\n|---|---|---|---|---|\n";
        for (const Field& field : table->fields) {
            out += "| `" + std::string(field.key) + "` | " + markdown(type_text(field)) + " | " +
                   markdown(default_text(field)) + " | " + markdown(field.help) + " | `" +
                   std::string(field.example) + "` |\n";
        }
    }
    return out;
}

std::string reference_man() {
    std::string out =
        "hearth.yaml(5)\n\n# NAME\n\nhearth.yaml - the one document of a home\n\n# DESCRIPTION\n\n"
        "Every node reads the same */etc/hearth/hearth.yaml*, then */etc/hearth/conf.d/\\*.yaml* "
        "in lexical order. Maps in several files are merged; one key in two files is an error. "
        "*hearth check* says whether the document is good, and where it is not.\n\n"
        "A list of one may be written without its brackets. Durations carry a unit (250ms, 10s, "
        "5m, 12h, 7d), sizes too (512KiB, 16MiB, 1GiB). Anchors, aliases, tags and directives of "
        "YAML are not used. Secrets are never written here: they are files of their own.\n\n";
    for (const SectionTable* table : all_sections()) {
        out += "# " + (table->path.empty() ? "THE DOCUMENT" : scdoc(table->path)) + "\n\n" +
               scdoc(table->help) + "\n\n";
        for (const Field& field : table->fields) {
            out += "*" + scdoc(field.key) + "*: " + scdoc(type_text(field)) + "\n\t" +
                   scdoc(field.help) + " For example " + scdoc(field.example) + ". " +
                   default_sentence(field) + "\n\n";
        }
    }
    return out +
           "# EXAMPLE\n\n```\nversion: 1\ndomain: home\nlan: [10.0.0.0/24]\nnodes:\n  pi4: "
           "10.0.0.11\n  pi5: 10.0.0.15\n"
           "vips:\n  dns:   {address: 10.0.0.53, prefer: [pi4, pi5]}\n  proxy: {address: "
           "10.0.0.100, prefer: [pi5, pi4]}\n"
           "dns:\n  vip: dns\n  upstreams: [9.9.9.9, 1.1.1.1]\nblocking:\n  lists:\n"
           "    ours: {file: lists/ours.txt}\nproxy: {vip: proxy}\nservices:\n"
           "  immich: {upstream: \"http://pi5:2283\", aliases: [photos]}\n```\n\n"
           "# SEE ALSO\n\n*hearth*(1), *hearth-dns*(8), *hearth-lb*(8), *hearth-proxy*(8), "
           "*hearth-lists*(8)\n";
}

}  // namespace hearth::config
