#include "dns/io/query_database.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace hearth::dns {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string_view no_name(const IpAddress&) { return {}; }

class QueryDatabaseTest : public testing::Test {
protected:
    QueryDatabaseTest() {
        std::string pattern = testing::TempDir() + "/queriesXXXXXX";
        folder = mkdtemp(pattern.data());
        file = folder / "queries.db";
    }
    ~QueryDatabaseTest() override { fs::remove_all(folder); }

    static QueryEntry entry(std::int64_t id) {
        QueryEntry one;
        one.id = id;
        one.wall_ms = kNow + id;
        one.client = IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(id % 5));
        one.name = "n" + std::to_string(id % 10) + (id % 2 == 0 ? ".example" : ".test");
        one.type = RrType::kAaaa;
        one.rcode = Rcode::kNxDomain;
        one.reason = Reason::kBlocked;
        one.transport = Transport::kTcp;
        one.ede = EdeCode::kBlocked;
        one.matched = VerdictSource::kBlockList;
        one.is_stale = true;
        one.by = "ours";
        one.group = "tv";
        one.upstream = "9.9.9.9:53";
        one.duration_us = 4'000'000'000;
        return one;
    }

    void fill(QueryDatabase& database, std::int64_t begin, std::int64_t end) {
        std::vector<QueryEntry> entries;
        for (std::int64_t id = begin; id < end; ++id) entries.push_back(entry(id));
        std::vector<const QueryEntry*> pointers;
        for (const auto& one : entries) {
            pointers.push_back(&one);
            rollup.add(one);
        }
        const auto written = database.append(pointers, rollup);
        ASSERT_TRUE(written.has_value()) << written.error().to_string();
    }

    std::vector<QueryEntry> all(QueryDatabase& database, const QueryPageRequest& page) {
        std::vector<QueryEntry> found;
        const auto read = database.read(page, INT64_MAX, no_name, page.limit, found);
        EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().to_string());
        resume = read.value_or(-1);
        return found;
    }

    fs::path folder;
    fs::path file;
    QueryRollup rollup;
    std::int64_t resume = 0;
};

TEST_F(QueryDatabaseTest, GivesBackWhatWasWrittenAlsoWhenOpenedAgain) {
    {
        auto database = *QueryDatabase::open(file);
        fill(*database, 1, 4);
        EXPECT_GT(database->bytes_written(), 0U);
    }
    auto database = *QueryDatabase::open(file);
    EXPECT_EQ(*database->last_id(), 3);
    const auto found = all(*database, {});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(resume, 0);
    const QueryEntry want = entry(3);
    const QueryEntry& have = found[0];
    EXPECT_EQ(have.id, want.id);
    EXPECT_EQ(have.wall_ms, want.wall_ms);
    EXPECT_EQ(have.client, want.client);
    EXPECT_EQ(have.name, want.name);
    EXPECT_EQ(have.type, want.type);
    EXPECT_EQ(have.rcode, want.rcode);
    EXPECT_EQ(have.reason, want.reason);
    EXPECT_EQ(have.transport, want.transport);
    EXPECT_EQ(have.ede, want.ede);
    EXPECT_EQ(have.matched, want.matched);
    EXPECT_EQ(have.is_stale, want.is_stale);
    EXPECT_EQ(have.by, want.by);
    EXPECT_EQ(have.group, want.group);
    EXPECT_EQ(have.upstream, want.upstream);
    EXPECT_EQ(have.duration_us, want.duration_us);
}

TEST_F(QueryDatabaseTest, PagesGoOnWhereTheLastOneEnded) {
    auto database = *QueryDatabase::open(file);
    fill(*database, 1, 101);
    QueryPageRequest page;
    page.limit = 7;
    std::vector<std::int64_t> ids;
    do {
        for (const auto& one : all(*database, page)) ids.push_back(one.id);
        page.before = resume;
    } while (resume > 1);
    ASSERT_EQ(ids.size(), 100U);
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_EQ(ids[i], 100 - static_cast<std::int64_t>(i));
    page.before.reset();
    page.after = 95;
    EXPECT_EQ(all(*database, page).size(), 5U);
}

TEST_F(QueryDatabaseTest, FiltersBySuffixAndClient) {
    auto database = *QueryDatabase::open(file);
    fill(*database, 1, 101);
    QueryPageRequest page;
    page.filter.suffix = Name::parse("test");
    EXPECT_EQ(all(*database, page).size(), 50U);
    page.filter.client = IpPrefix::parse("10.0.0.3/32");
    EXPECT_EQ(all(*database, page).size(), 10U);
    page.filter.suffix.reset();
    page.filter.name = Name::parse("n3.test");
    EXPECT_EQ(all(*database, page).size(), 10U);
    page.filter.name = Name::parse("never.test");
    EXPECT_TRUE(all(*database, page).empty());
}

TEST_F(QueryDatabaseTest, RollsUpAndRestores) {
    auto database = *QueryDatabase::open(file);
    fill(*database, 1, 101);
    QueryRollup again;
    again.forget_before(kNow);
    ASSERT_TRUE(database->restore(again).has_value());
    EXPECT_EQ(again.slots(), rollup.slots());
    EXPECT_EQ(again.hours().begin()->second.tops[1].top(100),
              rollup.hours().begin()->second.tops[1].top(100));
    TopCounter tops(100);
    ASSERT_TRUE(database->add_tops({0, kNow + kHourMs}, TopKind::kList, tops).has_value());
    EXPECT_EQ(tops.top(10), (std::vector<TopEntry>{{"ours", 100}}));
}

TEST_F(QueryDatabaseTest, HoursBecomeDays) {
    auto database = *QueryDatabase::open(file);
    fill(*database, 1, 11);
    rollup.add_top((kNow + 20 * kDayMs) / kHourMs, TopKind::kName, "later", 1);
    ASSERT_TRUE(database->append({}, rollup).has_value());
    TopCounter tops(100);
    const QueryDatabase::Range range{kNow - kDayMs, kNow + kDayMs};
    ASSERT_TRUE(database->add_tops(range, TopKind::kList, tops).has_value());
    EXPECT_EQ(tops.top(10), (std::vector<TopEntry>{{"ours", 10}}));
}

TEST_F(QueryDatabaseTest, TrimsByAgeInSlices) {
    auto database = *QueryDatabase::open(file);
    fill(*database, 1, 5001);
    QueryDatabase::Caps caps{kNow + 4500, 1U << 30};
    int slices = 0;
    while (true) {
        const auto more = database->trim(caps);
        ASSERT_TRUE(more.has_value()) << more.error().to_string();
        if (!*more) break;
        ++slices;
    }
    EXPECT_EQ(slices, 3);
    QueryPageRequest page;
    page.limit = 10'000;
    const auto left = all(*database, page);
    EXPECT_EQ(left.size(), 501U);
    EXPECT_EQ(left.back().id, 4500);
}

TEST_F(QueryDatabaseTest, TrimsBySize) {
    auto database = *QueryDatabase::open(file);
    for (std::int64_t id = 1; id < 40'000; id += 5000) fill(*database, id, id + 5000);
    const auto before = database->size_bytes();
    while (*database->trim({0, before / 2})) {
    }
    EXPECT_LE(database->size_bytes(), before / 2 + 256 * 4096);
    EXPECT_EQ(all(*database, {}).front().id, 40'000);
}

TEST_F(QueryDatabaseTest, AFileThatIsNoneIsSaidSoAndPutAside) {
    std::ofstream(file) << std::string(8192, 'x');
    const auto opened = QueryDatabase::open(file);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::kInvalid);
    QueryDatabase::move_aside(file);
    EXPECT_TRUE(fs::exists(file.string() + ".broken"));
    EXPECT_TRUE(QueryDatabase::open(file).has_value());
}

}  // namespace
}  // namespace hearth::dns
