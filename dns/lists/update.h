#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/document.h"
#include "dns/core/list_layout.h"
#include "dns/lists/fetch.h"
#include "dns/lists/list_report.h"

namespace hearth::dns {

// Which lists with a URL are asked for: those not checked within `blocking.refresh`, all, or some.
struct UpdateScope {
    enum class Kind : std::uint8_t { kDue, kAll, kNamed };
    Kind kind = Kind::kDue;
    std::set<std::string, std::less<>> names;  // with kNamed; lists of the document
};

struct UpdateEvents {
    std::function<void(const ListReport&)> list_done;  // counts are not known yet
    // `expected` in the end; 0: not known.
    std::function<void(const std::string& list, std::uint64_t bytes, std::uint64_t expected)>
        received;
    std::function<void()> compiling;
};

// Brings the copies of the document's lists up to date and compiles them all. Whatever fails leaves
// what was there before in use and is in the report. Writes nothing that did not change,
// except the report. The caller holds the layout's lock.
class ListUpdate {
public:
    ListUpdate(const config::Blocking& blocking, ListLayout layout, UpdateScope scope,
               FetchLimits limits, WallTime now);

    [[nodiscard]] RunReport run(const UpdateEvents& events);

private:
    void recall();
    [[nodiscard]] ListLimits limits_of(const config::BlockList& list) const;
    [[nodiscard]] bool is_due(const ListReport& list) const;
    [[nodiscard]] bool has_copy(const ListReport& list) const;
    void refresh_files(const UpdateEvents& events);
    void refresh_urls(const UpdateEvents& events);
    void settle(ListReport& list, const Error* error, const UpdateEvents& events) const;
    void remove_strays() const;
    void compile();
    void write_report();

    const config::Blocking& blocking_;
    ListLayout layout_;
    UpdateScope scope_;
    FetchLimits limits_;
    WallTime now_;
    RunReport report_;
};

}  // namespace hearth::dns
