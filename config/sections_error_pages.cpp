#include "config/sections_error_pages.h"

#include <algorithm>

#include "config/codec.h"

namespace hearth::config {
namespace {

constexpr std::size_t kMostPages = 64;

// "502", "4xx"
bool read_statuses(const Entry& entry, ErrorPageFile& page, ReadContext& context) {
    const std::string& key = entry.key;
    const bool is_three = key.size() == 3 && (key[0] == '4' || key[0] == '5');
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (is_three && key.ends_with("xx")) {
        page.from = static_cast<unsigned>(key[0] - '0') * 100;
        page.to = page.from + 99;
        return true;
    }
    if (is_three && is_digit(key[1]) && is_digit(key[2])) {
        page.from = page.to = static_cast<unsigned>(std::stoul(key));
        return true;
    }
    context.diagnostics.error(
        entry.key_span,
        key + " is no status of an error: 400 to 599, or 4xx or 5xx for all of them");
    return false;
}

bool read_pages(const Value& value, std::vector<ErrorPageFile>& out, ReadContext& context) {
    if (value.kind != Kind::kMapping) {
        context.diagnostics.error(value.span, "expected a map of statuses here, found " +
                                                  std::string(kind_name(value)) +
                                                  ": {502: pages/down.html}");
        return false;
    }
    if (!expect_count(value.entries.size(), {1, kMostPages}, value, context)) return false;
    bool is_good = true;
    for (const Entry& entry : value.entries) {
        ErrorPageFile& page = out.emplace_back();
        is_good = read_statuses(entry, page, context) && is_good;
        is_good = path().read(entry.value, page.file, context) && is_good;
    }
    // One status before all of its class.
    std::ranges::stable_sort(out, {}, [](const ErrorPageFile& one) { return one.to - one.from; });
    return is_good;
}

}  // namespace

Codec<std::vector<ErrorPageFile>> error_pages() {
    Codec<std::vector<ErrorPageFile>> codec;
    codec.type.name = "path of a file";
    codec.type.schema = text_schema();
    codec.type.shape = Shape::kMap;
    codec.type.limits = {1, kMostPages};
    codec.type.key_schema = R"({"pattern":"^[45]([0-9][0-9]|xx)$"})";
    codec.read = read_pages;
    return codec;
}

}  // namespace hearth::config
