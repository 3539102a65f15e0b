// Filters and cursors of /queries: the input is a query string, "key=value&key=value".
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dns/core/query_filter.h"

using namespace hearth::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    QueryParameters parameters;
    while (!text.empty()) {
        const auto pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        const auto equals = std::min(pair.find('='), pair.size());
        parameters[std::string(pair.substr(0, equals))] =
            pair.substr(std::min(pair.size(), equals + 1));
    }
    const auto page = parse_query_page(parameters, 1'700'000'000'000);
    if (!page) return 0;
    if (page->limit == 0 || page->limit > QueryPageRequest::kMost) std::abort();
    if (page->before && page->after) std::abort();
    QueryEntry entry;
    entry.client = hearth::IpAddress::v4(10, 0, 0, 7);
    entry.name = "www.example";
    (void)page->filter.takes(entry, [](const hearth::IpAddress&) { return "tablet"; });
    if (page->filter.name) {
        const auto name = page->filter.name->to_string();
        if (reversed_name(reversed_name(name)) != name) std::abort();
    }
    return 0;
}
