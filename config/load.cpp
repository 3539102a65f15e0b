#include "config/load.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "config/check.h"
#include "config/merge.h"
#include "config/parse_guard.h"
#include "config/read_files.h"
#include "config/sections.h"
#include "config/sha256.h"
#include "config/yaml_parser.h"

namespace hearth::config {
namespace {

bool check_texts(const SourceSet& sources, Diagnostics& diagnostics) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto fault = find_text_fault(sources[i].text());
        if (fault.message.empty()) continue;
        diagnostics.error({static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(fault.offset),
                           static_cast<std::uint32_t>(fault.length)},
                          fault.message);
    }
    return !diagnostics.has_errors();
}

bool survives_trial(const SourceSet& sources, const LoadOptions& options,
                    Diagnostics& diagnostics) {
    if (options.parsing == Parsing::kInProcess) return true;
    const Trial trial = try_parse(sources, options.deadline);
    const std::string file = trial.file < sources.size() ? sources[trial.file].path() : "";
    switch (trial.outcome) {
        case Trial::Outcome::kEnded: return true;
        case Trial::Outcome::kTimedOut:
            diagnostics.error_in_file(file, "parsing took longer than " +
                                                std::to_string(options.deadline.count()) +
                                                " ms; it was given up");
            return false;
        case Trial::Outcome::kCrashed:
            diagnostics.error_in_file(file, "the YAML parser could not cope with this file");
            return false;
        case Trial::Outcome::kNoProcess:
            diagnostics.error_in_file(file,
                                      "no process to parse it in: " +
                                          std::generic_category().message(trial.system_error));
            return false;
    }
    return false;
}

std::optional<Value> parse_all(const SourceSet& sources, Diagnostics& diagnostics) {
    Value root;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        auto tree = parse_yaml(sources, static_cast<std::uint16_t>(i), diagnostics);
        if (!tree) continue;
        if (tree->kind == Kind::kScalar || tree->kind == Kind::kSequence) {
            diagnostics.error(tree->span, "the document is a map of keys, this is something else");
            continue;
        }
        merge(root, std::move(*tree), diagnostics);
    }
    if (diagnostics.has_errors()) return std::nullopt;
    return root;
}

std::optional<Document> read_document(const Value& root, const std::string& folder,
                                      Diagnostics& diagnostics) {
    Document document;
    ReadContext context{diagnostics, folder, document, {}};
    if (!document_section().read(root, root.span, &document, context)) return std::nullopt;
    complete(document);
    CheckContext checks{document, root, diagnostics};
    check_network(checks);
    // Two hosts with one address would be told of again as two listeners on one port.
    if (!diagnostics.has_errors()) {
        check_ports(checks);
        check_services(checks);
    }
    check_names(checks);
    check_routes(checks);
    check_redirects(checks);
    check_dns(checks);
    if (diagnostics.has_errors()) return std::nullopt;
    return document;
}

}  // namespace

Loaded load_sources(const std::vector<Source>& sources, const std::string& folder,
                    const LoadOptions& options) {
    Loaded loaded;
    Diagnostics diagnostics(sources);
    Sha256 hash;
    for (const Source& source : sources) hash.update(source.text());
    loaded.hash = hash.finish();
    if (check_texts(sources, diagnostics) && survives_trial(sources, options, diagnostics)) {
        if (const auto root = parse_all(sources, diagnostics))
            loaded.document = read_document(*root, folder, diagnostics);
    }
    if (loaded.document) loaded.document->hash = loaded.hash;
    loaded.findings = diagnostics.take();
    return loaded;
}

Loaded load(const std::string& path, const LoadOptions& options) {
    auto sources = read_files(path);
    if (!sources) {
        Loaded loaded;
        Diagnostic finding;
        finding.at.file = sources.error().where;
        finding.message = "cannot be read: " + sources.error().detail;
        loaded.findings.push_back(std::move(finding));
        return loaded;
    }
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path, error);
    return load_sources(*sources, absolute.parent_path().string(), options);
}

}  // namespace hearth::config
