#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/core/query_entry.h"
#include "dns/core/query_filter.h"
#include "dns/core/query_rollup.h"

namespace hearth::dns {

// The query log on disk: SQLite in WAL mode, written in few large transactions. One thread. Every
// error leaves the database as it was before the call; Errc::kInvalid means that the file itself is
// broken: move_aside() and open() anew.
//
// Names, addresses and words are kept once each. Rows are in the order of their ids, which never
// return, so that a page is a range.
class QueryDatabase {
public:
    [[nodiscard]] static Result<std::unique_ptr<QueryDatabase>> open(
        const std::filesystem::path& path);
    // Renames the file and what belongs to it, so that a person may look; the one put aside before
    // is replaced.
    static void move_aside(const std::filesystem::path& path);
    ~QueryDatabase();

    // 0: empty.
    [[nodiscard]] Result<std::int64_t> last_id();
    // What the hours and slots from `begin_ms` on came to, into `rollup`.
    [[nodiscard]] Result<void> restore(QueryRollup& rollup);

    // All of it, or nothing: the entries, and the hours of `rollup` that changed.
    [[nodiscard]] Result<void> append(std::span<const QueryEntry* const> entries,
                                      QueryRollup& rollup);

    struct Caps {
        std::int64_t oldest_ms = 0;
        std::uint64_t max_bytes = 0;
    };
    // Deletes what is too old or too much, a slice at a time. True: there is more to do.
    [[nodiscard]] Result<bool> trim(const Caps& caps);

    // Adds entries with ids below `end_id` that `page` takes to `out`, nearest to its bound first
    // and no more than `limit`. Returns where the search ended: the id to go on from, 0 when there
    // is nothing more in that direction.
    [[nodiscard]] Result<std::int64_t> read(const QueryPageRequest& page, std::int64_t end_id,
                                            const QueryFilter::NameOf& name_of, std::size_t limit,
                                            std::vector<QueryEntry>& out);

    struct Range {
        std::int64_t from_ms = 0;
        std::int64_t to_ms = 0;
    };
    [[nodiscard]] Result<void> add_slots(Range range, std::map<std::int64_t, ReasonCounts>& slots);
    [[nodiscard]] Result<void> add_tops(Range range, TopKind kind, TopCounter& tops);

    [[nodiscard]] std::uint64_t bytes_written() const noexcept;
    [[nodiscard]] std::uint64_t size_bytes() const noexcept;

private:
    struct Impl;
    explicit QueryDatabase(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::dns
