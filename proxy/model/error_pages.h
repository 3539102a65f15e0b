#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::proxy {

// A page of the household's own for some statuses; its text has placeholders.
struct ErrorPageText {
    int from = 500;
    int to = 599;
    std::shared_ptr<const std::string> text;
};

// By service, those for all services being under the empty name; narrower ones stand first.
class ErrorPages {
public:
    void add(const std::string& service, ErrorPageText page) {
        pages_[service].push_back(std::move(page));
    }
    // nullptr: the proxy's own is shown.
    [[nodiscard]] const std::string* find(std::string_view service, int status) const noexcept {
        const std::string* found = find_under(service, status);
        return found != nullptr || service.empty() ? found : find_under({}, status);
    }

private:
    [[nodiscard]] const std::string* find_under(std::string_view name, int status) const noexcept {
        const auto known = pages_.find(name);
        if (known == pages_.end()) return nullptr;
        const auto page = std::ranges::find_if(known->second, [status](const ErrorPageText& one) {
            return status >= one.from && status <= one.to;
        });
        return page == known->second.end() ? nullptr : page->text.get();
    }

    std::map<std::string, std::vector<ErrorPageText>, std::less<>> pages_;
};

// Where they are read from.
struct ErrorPageFile {
    std::string service;  // empty: all
    int from = 500;
    int to = 599;
    std::string path;

    friend bool operator==(const ErrorPageFile&, const ErrorPageFile&) = default;
};

}  // namespace hearth::proxy
