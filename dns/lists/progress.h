#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace hearth::dns {

// How far a run is: one line on standard error that is rewritten, on a terminal only.
class Progress {
public:
    Progress();

    // `expected` bytes in all; 0: not known.
    void show(const std::string& list, std::uint64_t bytes, std::uint64_t expected);
    void show_step(const std::string& step);
    // Before something else is written, and at the end.
    void clear();

private:
    void draw(const std::string& line);

    bool is_terminal_;
    std::map<std::string, std::string> downloads_;  // what is said of each
};

}  // namespace hearth::dns
