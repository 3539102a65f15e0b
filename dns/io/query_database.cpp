#include "dns/io/query_database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace hearth::dns {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr std::int64_t kSlice = 2000;        // rows deleted in one transaction
constexpr std::int64_t kWindow = 200'000;    // ids looked at by one statement
constexpr int kMostWindows = 25;             // for one page
constexpr std::int64_t kHoursKept = 8 * 24;  // older ones are kept by day
constexpr std::uint64_t kVacuumPages = 256;
constexpr std::uint64_t kWalFrameHeader = 24;

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS client(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS query(
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, name INTEGER, client INTEGER, type INTEGER NOT NULL,
  rcode INTEGER NOT NULL, reason INTEGER NOT NULL, transport INTEGER NOT NULL, ede INTEGER NOT NULL,
  matched INTEGER NOT NULL, stale INTEGER NOT NULL, source INTEGER, grp INTEGER, upstream INTEGER,
  duration INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS query_name ON query(name);
CREATE INDEX IF NOT EXISTS query_client ON query(client);
CREATE INDEX IF NOT EXISTS query_source ON query(source) WHERE source IS NOT NULL;
CREATE TABLE IF NOT EXISTS slot(
  slot INTEGER, reason INTEGER, count INTEGER NOT NULL, PRIMARY KEY(slot, reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hour_top(
  hour INTEGER, kind INTEGER, text TEXT, count INTEGER NOT NULL,
  PRIMARY KEY(hour, kind, text)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS day_top(
  day INTEGER, kind INTEGER, text TEXT, count INTEGER NOT NULL,
  PRIMARY KEY(day, kind, text)) WITHOUT ROWID;
)";

bool is_broken(int code) noexcept { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB; }

Error error_of(const SQLite::Exception& error, const std::string& path) {
    const int code = error.getErrorCode() & 0xff;
    return {is_broken(code) ? Errc::kInvalid : Errc::kSystem, path, error.what()};
}

std::optional<std::int64_t> optional_number(const SQLite::Column& column) {
    if (column.isNull()) return std::nullopt;
    return column.getInt64();
}

// The first column of the first row; the statement is over then, and holds nothing open.
std::optional<std::int64_t> first_number(SQLite::Statement& statement) {
    std::optional<std::int64_t> number;
    if (statement.executeStep()) number = optional_number(statement.getColumn(0));
    statement.reset();
    return number;
}

// A statement's conditions, and what their parameters are bound to.
struct Conditions {
    static constexpr std::size_t kFirst = 7;  // those before are the page's own

    std::string text;
    std::vector<std::int64_t> values;

    void add(const std::string& condition, std::int64_t value) {
        text += " AND " + condition + parameter(value);
    }
    // One of a few ids; none of them: nothing fits.
    void add_any(const std::string& column, const std::vector<std::int64_t>& ids) {
        std::string marks;
        for (const std::int64_t id : ids) marks += (marks.empty() ? "" : ",") + parameter(id);
        text += " AND " + column + " IN (" + marks + ")";
    }

private:
    std::string parameter(std::int64_t value) {
        values.push_back(value);
        return "?" + std::to_string(kFirst + values.size() - 1);
    }
};

}  // namespace

struct QueryDatabase::Impl {
    explicit Impl(const fs::path& file)
        : path(file.string()), db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 1000) {
        db.exec("PRAGMA auto_vacuum=INCREMENTAL");  // before the first table
        db.exec("PRAGMA journal_mode=WAL");
        db.exec("PRAGMA synchronous=NORMAL");
        db.exec("PRAGMA wal_autocheckpoint=0");
        db.exec("PRAGMA cache_size=-1024");
        db.exec("PRAGMA temp_store=MEMORY");
        const int version = db.execAndGet("PRAGMA user_version").getInt();
        if (version != 0 && version != kVersion)
            throw SQLite::Exception("made by another version of Hearth", SQLITE_NOTADB);
        db.exec(kSchema);
        db.exec("PRAGMA user_version=" + std::to_string(kVersion));
        page_size = static_cast<std::uint64_t>(db.execAndGet("PRAGMA page_size").getInt64());
        checkpoint();
    }

    template <class Work>
    auto attempt(Work work) -> Result<decltype(work())> {
        try {
            if constexpr (std::is_void_v<decltype(work())>) {
                work();
                return {};
            } else {
                return work();
            }
        } catch (const SQLite::Exception& error) {
            return fail(error_of(error, path));
        }
    }

    SQLite::Statement& prepared(const std::string& text) {
        auto& statement = statements[text];
        if (!statement) statement = std::make_unique<SQLite::Statement>(db, text);
        statement->reset();
        statement->clearBindings();
        return *statement;
    }

    void checkpoint() {
        int frames = 0;
        int done = 0;
        const int code = sqlite3_wal_checkpoint_v2(db.getHandle(), nullptr,
                                                   SQLITE_CHECKPOINT_TRUNCATE, &frames, &done);
        note_written();
        if (code != SQLITE_OK) throw SQLite::Exception(db.getHandle(), code);
        sizes();
    }

    // What went to the WAL goes to the file as well, at the checkpoint.
    void note_written() {
        int pages = 0;
        int unused = 0;
        sqlite3_db_status(db.getHandle(), SQLITE_DBSTATUS_CACHE_WRITE, &pages, &unused, 1);
        written += static_cast<std::uint64_t>(pages) * (2 * page_size + kWalFrameHeader);
    }

    void sizes() {
        const auto pages = db.execAndGet("PRAGMA page_count").getInt64();
        const auto free = db.execAndGet("PRAGMA freelist_count").getInt64();
        bytes = static_cast<std::uint64_t>(pages) * page_size;
        free_pages = static_cast<std::uint64_t>(free);
    }

    // The id of `text` in one of the dictionaries, made when it is new.
    std::int64_t intern(const std::string& table, const std::string& text) {
        auto& find = prepared("SELECT id FROM " + table + " WHERE text=?");
        find.bindNoCopy(1, text);
        if (const auto id = first_number(find)) return *id;
        auto& add = prepared("INSERT INTO " + table + "(text) VALUES(?)");
        add.bindNoCopy(1, text);
        add.exec();
        return db.getLastInsertRowid();
    }

    void bind_interned(SQLite::Statement& row, int at, const std::string& table,
                       const std::string& text) {
        if (text.empty()) {
            row.bind(at);
        } else {
            row.bind(at, intern(table, text));
        }
    }

    void insert(const QueryEntry& entry) {
        auto& row = prepared("INSERT INTO query VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
        row.bind(1, entry.id);
        row.bind(2, entry.wall_ms);
        bind_interned(row, 3, "name", reversed_name(entry.name));
        bind_interned(row, 4, "client", entry.client ? entry.client->to_string() : std::string());
        row.bind(5, static_cast<int>(entry.type));
        row.bind(6, static_cast<int>(entry.rcode));
        row.bind(7, static_cast<int>(entry.reason));
        row.bind(8, static_cast<int>(entry.transport));
        row.bind(9, static_cast<int>(entry.ede));
        row.bind(10, static_cast<int>(entry.matched));
        row.bind(11, entry.is_stale ? 1 : 0);
        bind_interned(row, 12, "word", entry.by);
        bind_interned(row, 13, "word", entry.group);
        bind_interned(row, 14, "word", entry.upstream);
        row.bind(15, static_cast<std::int64_t>(entry.duration_us));
        row.exec();
    }

    void write_rollup(const QueryRollup& rollup, std::int64_t oldest_changed) {
        auto& slot = prepared("INSERT OR REPLACE INTO slot VALUES(?,?,?)");
        constexpr std::int64_t kPerHour = kHourMs / kSlotMs;
        for (const auto& [number, counts] : rollup.slots()) {
            if (number / kPerHour < oldest_changed) continue;
            for (std::size_t reason = 0; reason < counts.size(); ++reason) {
                if (counts[reason] == 0) continue;
                slot.reset();
                slot.bind(1, number);
                slot.bind(2, static_cast<int>(reason));
                slot.bind(3, static_cast<std::int64_t>(counts[reason]));
                slot.exec();
            }
        }
        auto& top = prepared("INSERT OR REPLACE INTO hour_top VALUES(?,?,?,?)");
        for (const auto& [hour, held] : rollup.hours()) {
            if (!held.is_changed) continue;
            for (std::size_t kind = 0; kind < held.tops.size(); ++kind) {
                for (const auto& one : held.tops[kind].top(QueryRollup::kKeptPerHour)) {
                    top.reset();
                    top.bind(1, hour);
                    top.bind(2, static_cast<int>(kind));
                    top.bindNoCopy(3, one.key);
                    top.bind(4, static_cast<std::int64_t>(one.count));
                    top.exec();
                }
            }
        }
    }

    // Hours that are old enough become days.
    void fold_days(std::int64_t newest_hour) {
        const std::int64_t end = (newest_hour - kHoursKept) / 24 * 24;
        auto& fold = prepared(
            "INSERT OR REPLACE INTO day_top SELECT hour/24, kind, text, sum(count) FROM hour_top "
            "WHERE hour<? GROUP BY 1,2,3");
        fold.bind(1, end);
        if (fold.exec() == 0) return;
        auto& drop = prepared("DELETE FROM hour_top WHERE hour<?");
        drop.bind(1, end);
        drop.exec();
        // Of each day the most frequent.
        auto& cut = prepared(
            "DELETE FROM day_top WHERE day>=? AND (day,kind,text) IN (SELECT day,kind,text FROM "
            "(SELECT day,kind,text,row_number() OVER (PARTITION BY day,kind ORDER BY count DESC) "
            "AS place FROM day_top WHERE day>=?) WHERE place>?)");
        cut.bind(1, end / 24 - 2);
        cut.bind(2, end / 24 - 2);
        cut.bind(3, static_cast<std::int64_t>(2 * QueryRollup::kKeptPerHour));
        cut.exec();
    }

    // Deletes the oldest slice when it is too old, or the file is too large.
    bool drop_slice(const Caps& caps) {
        const std::uint64_t used = bytes - free_pages * page_size;
        const bool is_too_large = used > caps.max_bytes;
        auto& first = prepared("SELECT id FROM query ORDER BY id LIMIT 1");
        const auto id = first_number(first);
        if (!id) return false;
        auto& when = prepared("SELECT time FROM query WHERE id=?");
        when.bind(1, *id);
        if (!is_too_large && first_number(when) >= caps.oldest_ms) return false;
        auto& drop = prepared("DELETE FROM query WHERE id<?" +
                              std::string(is_too_large ? "" : " AND time<?"));
        drop.bind(1, *id + kSlice);
        if (!is_too_large) drop.bind(2, caps.oldest_ms);
        drop.exec();
        return true;
    }

    // Names that no question has any more; a slice in each round, after the last one seen.
    void drop_orphans() {
        for (const auto& [table, column] :
             {std::pair<std::string, std::string>{"name", "name"}, {"client", "client"}}) {
            std::int64_t& at = orphans_at[table];
            auto& last = prepared("SELECT max(id) FROM (SELECT id FROM " + table +
                                  " WHERE id>? ORDER BY id LIMIT ?)");
            last.bind(1, at);
            last.bind(2, kSlice);
            const auto end = first_number(last);
            auto& drop = prepared("DELETE FROM " + table +
                                  " WHERE id>? AND id<=? AND NOT EXISTS "
                                  "(SELECT 1 FROM query WHERE query." +
                                  column + "=" + table + ".id)");
            drop.bind(1, at);
            drop.bind(2, end.value_or(at));
            drop.exec();
            at = end.value_or(0);
        }
    }

    std::vector<std::int64_t> client_ids(const QueryFilter& filter,
                                         const QueryFilter::NameOf& name_of) {
        std::vector<std::int64_t> ids;
        auto& all = prepared("SELECT id, text FROM client");
        while (all.executeStep())
            if (filter.takes_client(IpAddress::parse(all.getColumn(1).getString()), name_of))
                ids.push_back(all.getColumn(0).getInt64());
        return ids;
    }

    std::vector<std::int64_t> ids_of(const std::string& table, const std::string& text) {
        auto& find = prepared("SELECT id FROM " + table + " WHERE text=?");
        find.bind(1, text);
        const auto id = first_number(find);
        return id ? std::vector<std::int64_t>{*id} : std::vector<std::int64_t>{};
    }

    Conditions conditions(const QueryFilter& filter, const QueryFilter::NameOf& name_of) {
        Conditions all;
        if (filter.client || !filter.client_name.empty())
            all.add_any("client", client_ids(filter, name_of));
        if (filter.name)
            all.add_any("name", ids_of("name", reversed_name(filter.name->to_string())));
        if (filter.type) all.add("type=", static_cast<int>(*filter.type));
        if (filter.rcode) all.add("rcode=", static_cast<int>(*filter.rcode));
        if (filter.reason) all.add("reason=", static_cast<int>(*filter.reason));
        if (filter.transport) all.add("transport=", static_cast<int>(*filter.transport));
        if (filter.from_ms) all.add("time>=", *filter.from_ms);
        if (filter.to_ms) all.add("time<", *filter.to_ms);
        if (!filter.by.empty()) all.add_any("source", ids_of("word", filter.by));
        if (!filter.group.empty()) all.add_any("grp", ids_of("word", filter.group));
        if (!filter.upstream.empty()) all.add_any("upstream", ids_of("word", filter.upstream));
        // All under a suffix begin with its key and a dot, and '/' comes right after '.'.
        if (filter.suffix && !filter.suffix->is_root())
            all.text +=
                " AND name IN (SELECT id FROM name WHERE text=?1 OR (text>=?2 AND text<?3))";
        return all;
    }

    SQLite::Statement page_statement(const Conditions& all, const QueryFilter& filter,
                                     bool forwards) {
        SQLite::Statement statement(
            db,
            "SELECT q.*, n.text, c.text, s.text, g.text, u.text FROM (SELECT * FROM query "
            "WHERE id>=?4 AND id<?5" +
                all.text + " ORDER BY id " + (forwards ? "ASC" : "DESC") +
                " LIMIT ?6) q LEFT JOIN name n ON n.id=q.name LEFT JOIN client c ON "
                "c.id=q.client LEFT JOIN word s ON s.id=q.source LEFT JOIN word g ON "
                "g.id=q.grp LEFT JOIN word u ON u.id=q.upstream ORDER BY q.id " +
                (forwards ? "ASC" : "DESC"));
        if (filter.suffix && !filter.suffix->is_root()) {
            const std::string key = reversed_name(filter.suffix->to_string());
            statement.bind(1, key);
            statement.bind(2, key + ".");
            statement.bind(3, key + "/");
        }
        int at = static_cast<int>(Conditions::kFirst);
        for (const std::int64_t value : all.values) statement.bind(at++, value);
        return statement;
    }

    static QueryEntry entry_at(SQLite::Statement& row) {
        QueryEntry entry;
        const auto number = [&row](int at) { return row.getColumn(at).getInt(); };
        entry.id = row.getColumn(0).getInt64();
        entry.wall_ms = row.getColumn(1).getInt64();
        entry.type = static_cast<RrType>(number(4));
        entry.rcode = static_cast<Rcode>(number(5));
        entry.reason = static_cast<Reason>(number(6));
        entry.transport = static_cast<Transport>(number(7));
        entry.ede = static_cast<EdeCode>(number(8));
        entry.matched = static_cast<VerdictSource>(number(9));
        entry.is_stale = number(10) != 0;
        entry.duration_us = static_cast<std::uint32_t>(row.getColumn(14).getInt64());
        entry.name = reversed_name(row.getColumn(15).getString());
        entry.client = IpAddress::parse(row.getColumn(16).getString());
        entry.by = row.getColumn(17).getString();
        entry.group = row.getColumn(18).getString();
        entry.upstream = row.getColumn(19).getString();
        return entry;
    }

    std::string path;
    SQLite::Database db;
    std::map<std::string, std::unique_ptr<SQLite::Statement>> statements;
    std::map<std::string, std::int64_t> orphans_at;
    std::uint64_t page_size = 4096;
    std::uint64_t bytes = 0;
    std::uint64_t free_pages = 0;
    std::uint64_t written = 0;
};

QueryDatabase::QueryDatabase(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QueryDatabase::~QueryDatabase() = default;

Result<std::unique_ptr<QueryDatabase>> QueryDatabase::open(const fs::path& path) {
    std::error_code ignored;
    fs::create_directories(path.parent_path(), ignored);
    try {
        return std::unique_ptr<QueryDatabase>(new QueryDatabase(std::make_unique<Impl>(path)));
    } catch (const SQLite::Exception& error) {
        return fail(error_of(error, path.string()));
    }
}

void QueryDatabase::move_aside(const fs::path& path) {
    for (const char* part : {"", "-wal", "-shm"}) {
        std::error_code ignored;
        fs::rename(path.string() + part, path.string() + ".broken" + part, ignored);
    }
}

Result<std::int64_t> QueryDatabase::last_id() {
    return impl_->attempt([this] {
        return impl_->db.execAndGet("SELECT coalesce(max(id),0) FROM query").getInt64();
    });
}

Result<void> QueryDatabase::restore(QueryRollup& rollup) {
    const bool was_empty = rollup.hours().empty();
    return impl_->attempt([&] {
        auto& slots = impl_->prepared("SELECT slot, reason, count FROM slot WHERE slot>=?");
        slots.bind(1, rollup.begin_ms() / kSlotMs);
        while (slots.executeStep()) {
            const int reason = slots.getColumn(1).getInt();
            if (reason < 0 || reason >= kReasonCount) continue;
            rollup.add_total(slots.getColumn(0).getInt64() * kSlotMs, static_cast<Reason>(reason),
                             static_cast<std::uint64_t>(slots.getColumn(2).getInt64()));
        }
        auto& tops = impl_->prepared("SELECT hour, kind, text, count FROM hour_top WHERE hour>=?");
        tops.bind(1, rollup.begin_ms() / kHourMs);
        while (tops.executeStep()) {
            const auto kind = static_cast<std::size_t>(tops.getColumn(1).getInt());
            if (kind >= kTopKindCount) continue;
            rollup.add_top(tops.getColumn(0).getInt64(), static_cast<TopKind>(kind),
                           tops.getColumn(2).getString(),
                           static_cast<std::uint64_t>(tops.getColumn(3).getInt64()));
        }
        if (was_empty)
            for (auto& [hour, held] : rollup.hours()) held.is_changed = false;
    });
}

Result<void> QueryDatabase::append(std::span<const QueryEntry* const> entries,
                                   QueryRollup& rollup) {
    auto written = impl_->attempt([&] {
        SQLite::Transaction transaction(impl_->db);
        for (const QueryEntry* entry : entries) impl_->insert(*entry);
        std::int64_t oldest = INT64_MAX;
        std::int64_t newest = 0;
        for (const auto& [hour, held] : rollup.hours()) {
            if (held.is_changed) oldest = std::min(oldest, hour);
            newest = hour;
        }
        // A slot may have changed though no top did: at most an hour back.
        impl_->write_rollup(rollup, std::min(oldest, newest - 1));
        if (newest > kHoursKept) impl_->fold_days(newest);
        transaction.commit();
        impl_->checkpoint();
    });
    if (written)
        for (auto& [hour, held] : rollup.hours()) held.is_changed = false;
    return written;
}

Result<bool> QueryDatabase::trim(const Caps& caps) {
    return impl_->attempt([&] {
        SQLite::Transaction transaction(impl_->db);
        const bool dropped = impl_->drop_slice(caps);
        if (dropped) {
            impl_->drop_orphans();
            for (const auto& [text, value] :
                 {std::pair<const char*, std::int64_t>{"DELETE FROM slot WHERE slot<?",
                                                       caps.oldest_ms / kSlotMs},
                  {"DELETE FROM hour_top WHERE hour<?", caps.oldest_ms / kHourMs},
                  {"DELETE FROM day_top WHERE day<?", caps.oldest_ms / kDayMs}}) {
                auto& drop = impl_->prepared(text);
                drop.bind(1, value);
                drop.exec();
            }
        }
        transaction.commit();
        if (dropped) {
            impl_->sizes();
            if (impl_->free_pages > 0)
                impl_->db.exec("PRAGMA incremental_vacuum(" + std::to_string(kVacuumPages) + ")");
            impl_->checkpoint();
        }
        return dropped;
    });
}

Result<std::int64_t> QueryDatabase::read(const QueryPageRequest& page, std::int64_t end_id,
                                         const QueryFilter::NameOf& name_of, std::size_t limit,
                                         std::vector<QueryEntry>& out) {
    return impl_->attempt([&]() -> std::int64_t {
        const bool forwards = page.after.has_value();
        const auto lowest = first_number(impl_->prepared("SELECT min(id) FROM query"));
        const auto highest = first_number(impl_->prepared("SELECT max(id) FROM query"));
        if (!lowest || !highest) return 0;
        const std::int64_t first = *lowest;
        const std::int64_t end = std::min(end_id, *highest + 1);
        std::int64_t at = forwards ? std::max(first, *page.after + 1)
                                   : std::min(end, page.before.value_or(INT64_MAX));
        const Conditions all = impl_->conditions(page.filter, name_of);
        auto statement = impl_->page_statement(all, page.filter, forwards);
        const std::size_t wanted = out.size() + limit;
        for (int i = 0; i < kMostWindows && (forwards ? at < end : at > first); ++i) {
            const std::int64_t low = forwards ? at : std::max(first, at - kWindow);
            const std::int64_t high = forwards ? std::min(end, at + kWindow) : at;
            statement.reset();
            statement.bind(4, low);
            statement.bind(5, high);
            statement.bind(6, static_cast<std::int64_t>(wanted - out.size()));
            while (statement.executeStep()) out.push_back(Impl::entry_at(statement));
            if (out.size() >= wanted) return out.back().id;
            at = forwards ? high : low;
        }
        if (forwards ? at >= end : at <= first) return 0;
        return forwards ? at - 1 : at;
    });
}

Result<void> QueryDatabase::add_slots(Range range, std::map<std::int64_t, ReasonCounts>& slots) {
    return impl_->attempt([&] {
        auto& rows =
            impl_->prepared("SELECT slot, reason, count FROM slot WHERE slot>=? AND slot<?");
        rows.bind(1, range.from_ms / kSlotMs);
        rows.bind(2, range.to_ms / kSlotMs);
        while (rows.executeStep()) {
            const int reason = rows.getColumn(1).getInt();
            if (reason >= 0 && reason < kReasonCount)
                slots[rows.getColumn(0).getInt64()][static_cast<std::size_t>(reason)] +=
                    static_cast<std::uint64_t>(rows.getColumn(2).getInt64());
        }
    });
}

Result<void> QueryDatabase::add_tops(Range range, TopKind kind, TopCounter& tops) {
    return impl_->attempt([&] {
        auto& rows = impl_->prepared(
            "SELECT text, sum(count) FROM (SELECT text, count FROM hour_top WHERE hour>=?1 AND "
            "hour<?2 AND kind=?5 UNION ALL SELECT text, count FROM day_top WHERE day>=?3 AND "
            "day<?4 AND kind=?5) GROUP BY text ORDER BY 2 DESC LIMIT 1000");
        rows.bind(1, range.from_ms / kHourMs);
        rows.bind(2, range.to_ms / kHourMs);
        rows.bind(3, range.from_ms / kDayMs);
        rows.bind(4, range.to_ms / kDayMs);
        rows.bind(5, static_cast<int>(kind));
        while (rows.executeStep())
            tops.add(rows.getColumn(0).getString(),
                     static_cast<std::uint64_t>(rows.getColumn(1).getInt64()));
    });
}

std::uint64_t QueryDatabase::bytes_written() const noexcept { return impl_->written; }
std::uint64_t QueryDatabase::size_bytes() const noexcept { return impl_->bytes; }

}  // namespace hearth::dns
