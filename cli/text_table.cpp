#include "cli/text_table.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "config/source.h"

namespace hearth::cli {

TextTable::TextTable(std::vector<std::string> heading) {
    std::vector<Cell> row;
    row.reserve(heading.size());
    for (auto& text : heading) row.push_back({std::move(text), Ink::kStrong});
    rows_.push_back(std::move(row));
}

void TextTable::add(std::vector<Cell> row) {
    row.resize(rows_[0].size());
    for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : printable(cell.text);
    rows_.push_back(std::move(row));
}

void TextTable::print(const Console& console) const {
    std::vector<std::size_t> widths(rows_[0].size());
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], config::code_points(row[i].text));
    }
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            console.out << console.ink(row[i].ink, row[i].text);
            if (i + 1 < row.size())
                console.out << std::string(widths[i] + 2 - config::code_points(row[i].text), ' ');
        }
        console.out << "\n";
    }
}

std::string short_duration(std::int64_t seconds) {
    static constexpr std::pair<std::int64_t, const char*> kUnits[] = {
        {86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}};
    std::string text;
    for (const auto& [size, name] : kUnits) {
        const auto count = seconds / size;
        if (count > 0) text += std::to_string(count) + name;
        if (!text.empty()) {
            const bool is_first = count > 0 && text == std::to_string(count) + name;
            seconds %= size;
            if (!is_first) break;
        }
    }
    return text.empty() ? "0s" : text;
}

std::string short_milliseconds(double milliseconds) {
    char text[32];
    std::snprintf(text, sizeof text, milliseconds < 10 ? "%.1fms" : "%.0fms", milliseconds);
    return text;
}

}  // namespace hearth::cli
