#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/console.h"

namespace hearth::cli {

struct Cell {
    std::string text;
    Ink ink = Ink::kPlain;
};

// Rows under a heading, columns as wide as their widest cell. Widths count characters.
class TextTable {
public:
    explicit TextTable(std::vector<std::string> heading);
    void add(std::vector<Cell> row);
    void print(const Console& console) const;

private:
    std::vector<std::vector<Cell>> rows_;
};

// "6d2h", "3h", "41s": at most two units, for people.
[[nodiscard]] std::string short_duration(std::int64_t seconds);
// "0.3ms", "12ms"
[[nodiscard]] std::string short_milliseconds(double milliseconds);

}  // namespace hearth::cli
