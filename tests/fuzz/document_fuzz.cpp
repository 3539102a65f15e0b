// The document as a whole: text checks, libfyaml, field tables, cross-checks, rendering. The forked
// trial is left out; what it guards against (endless parsing, crashes) is what is looked for here.

#include <cstdint>
#include <cstdlib>

#include "config/load.h"

// libfyaml 0.7.12 loses 512 octets for a single-quoted scalar with four or more doubled quotes.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfyaml"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hearth::config;
    if (size > 64U << 10) return 0;
    std::vector<Source> sources;
    sources.emplace_back("hearth.yaml", std::string(reinterpret_cast<const char*>(data), size));
    LoadOptions options;
    options.parsing = Parsing::kInProcess;
    const Loaded loaded = load_sources(sources, "/etc/hearth", options);
    if (!loaded && loaded.findings.empty()) std::abort();
    (void)render(loaded.findings, Colour::kAnsi);
    (void)render_json(loaded.findings);
    return 0;
}
