#include "runtime/problems.h"

#include <algorithm>
#include <chrono>

#include "runtime/log.h"

namespace hearth::runtime {

void Problems::raise(std::string_view name, std::string detail, Severity severity) {
    bool is_new = false;
    {
        const std::lock_guard lock(mutex_);
        Problem& problem = problems_[std::string(name)];
        is_new = problem.name.empty();
        if (is_new) {
            problem.name = name;
            problem.since = std::chrono::time_point_cast<std::chrono::milliseconds>(
                std::chrono::system_clock::now());
        }
        problem.detail = detail;
        problem.severity = severity;
    }
    if (is_new) log::warn("problem", {{"name", name}, {"detail", detail}});
}

void Problems::clear(std::string_view name) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = problems_.find(name);
        if (found == problems_.end()) return;
        problems_.erase(found);
    }
    log::info("problem_solved", {{"name", name}});
}

std::vector<Problem> Problems::list() const {
    std::vector<Problem> all;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& entry : problems_) all.push_back(entry.second);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Problem& a, const Problem& b) { return a.since < b.since; });
    return all;
}

}  // namespace hearth::runtime
