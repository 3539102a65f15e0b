#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/yaml_tree.h"

// Applications that many homes run: what the proxy does for them unless the document says
// otherwise, and what they must be told themselves.
namespace hearth::config {

struct App {
    std::string_view name;
    std::string_view health;  // a page that it shows to anybody
    unsigned status_to = 399;
    std::chrono::seconds answer_timeout{0};  // 0: as for others
    // Lines, with {url}, {host}, {nodes} (a comma between them), {node_list:INDENT} (each on a line
    // of its own, as a list of YAML) and {node_quotes} (each in quotes, a comma between them).
    // Empty: it needs to know nothing.
    std::string_view advice;
};

[[nodiscard]] std::span<const App> apps();
[[nodiscard]] const App* find_app(std::string_view name) noexcept;
// The advice for a service of the document, filled in.
[[nodiscard]] std::string advice_for(const App& app, const Document& document,
                                     const std::string& service);
// Fills in what `wrote` (the keys of the service in the document) does not have.
void apply_app(const App& app, const Value& wrote, Service& service);

}  // namespace hearth::config
