#include "dns/core/query_log.h"

#include <gtest/gtest.h>

#include <thread>

namespace hearth::dns {
namespace {

const QueryOutcome kCached{.rcode = Rcode::kNoError, .reason = Reason::kCached};

QueryContext from(const IpAddress& client, std::int64_t wall_ms) {
    QueryContext context;
    context.path.client.address = client;
    context.wall_ms = wall_ms;
    return context;
}

TEST(QueryLog, GivesBackWhatWasWritten) {
    QueryLog log(4);
    QueryContext context = from(*IpAddress::parse("fd00::7"), 1'700'000'000'123);
    context.path.transport = Transport::kTcp;
    log.append(context, 250, *Name::parse("a.rather.long.name.example"), RrType::kHttps,
               {Rcode::kNxDomain,
                Reason::kBlocked,
                {VerdictSource::kBlockList, false, 70'000},
                EdeCode::kBlocked,
                3,
                7,
                true});
    std::vector<QueryRecord> records;
    EXPECT_EQ(log.read(0, records), 1U);
    ASSERT_EQ(records.size(), 1U);
    const QueryRecord& record = records[0];
    EXPECT_EQ(record.wall_ms, 1'700'000'000'123);
    EXPECT_EQ(record.duration_us, 250U);
    EXPECT_EQ(record.client.to_string(), "fd00::7");
    EXPECT_EQ(record.transport, Transport::kTcp);
    EXPECT_EQ(record.qname.to_string(), "a.rather.long.name.example");
    EXPECT_EQ(record.qtype, RrType::kHttps);
    EXPECT_EQ(record.outcome.rcode, Rcode::kNxDomain);
    EXPECT_EQ(record.outcome.reason, Reason::kBlocked);
    EXPECT_EQ(record.outcome.verdict.source, VerdictSource::kBlockList);
    EXPECT_EQ(record.outcome.verdict.index, 70'000U);
    EXPECT_EQ(record.outcome.ede, EdeCode::kBlocked);
    EXPECT_EQ(record.outcome.upstream, 3);
    EXPECT_EQ(record.outcome.group, 7);
    EXPECT_TRUE(record.outcome.is_stale);
}

TEST(QueryLog, KeepsTheNewestAndReadsOnFromAPosition) {
    QueryLog log(3);
    const Name qname = *Name::parse("a.example");
    for (int i = 0; i < 5; ++i)
        log.append(from(IpAddress::v4(10, 0, 0, 1), i), 0, qname, RrType::kA, kCached);
    std::vector<QueryRecord> records;
    const auto next = log.read(0, records);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records.front().wall_ms, 2);
    EXPECT_EQ(records.back().wall_ms, 4);
    records.clear();
    EXPECT_EQ(log.read(next, records), 5U);
    EXPECT_TRUE(records.empty());
    log.append(from(IpAddress::v4(10, 0, 0, 1), 9), 0, qname, RrType::kA, kCached);
    log.read(next, records);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].wall_ms, 9);
}

TEST(QueryLog, ReadsInSlices) {
    QueryLog log(4);
    const Name qname = *Name::parse("a.example");
    for (int i = 0; i < 6; ++i)
        log.append(from(IpAddress::v4(10, 0, 0, 1), i), 0, qname, RrType::kA, kCached);
    std::vector<QueryRecord> records;
    auto next = log.read(0, records, 3);
    EXPECT_EQ(next, 5U);  // the first two were overwritten
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records.front().wall_ms, 2);
    next = log.read(next, records, 3);
    EXPECT_EQ(next, 6U);
    ASSERT_EQ(records.size(), 4U);
    EXPECT_EQ(records.back().wall_ms, 5);
}

TEST(QueryLog, WithoutRoomItOnlyCounts) {
    QueryLog log(0);
    log.append(from(IpAddress::v4(10, 0, 0, 1), 0), 0, Name{}, RrType::kA, kCached);
    std::vector<QueryRecord> records;
    EXPECT_EQ(log.read(0, records), 1U);
    EXPECT_TRUE(records.empty());
}

TEST(QueryLog, LongNamesKeepTheirRightEnd) {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "a.";
    text += "tail.of.a.name.that.is.long.enough.example";
    QueryLog log(1);
    log.append(from(IpAddress::v4(10, 0, 0, 1), 0), 0, *Name::parse(text), RrType::kA, kCached);
    std::vector<QueryRecord> records;
    log.read(0, records);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_LE(records[0].qname.wire().size(), QueryLog::kMaxNameOctets);
    EXPECT_GT(records[0].qname.wire().size(), QueryLog::kMaxNameOctets - 4);
    EXPECT_TRUE(records[0].qname.is_at_or_under(
        *Name::parse("tail.of.a.name.that.is.long.enough.example")));
}

// Each record says the same thing three times; a torn one would not.
TEST(QueryLog, AReaderNeverSeesHalfARecord) {
    QueryLog log(8);
    constexpr int kRounds = 200'000;
    std::thread writer([&] {
        for (int i = 0; i < kRounds; ++i)
            log.append(from(IpAddress::v4(static_cast<std::uint32_t>(i)), i),
                       static_cast<std::uint32_t>(i), *Name::parse("n" + std::to_string(i) + ".x"),
                       RrType::kA, kCached);
    });
    std::uint64_t position = 0;
    std::size_t seen = 0;
    while (position < kRounds) {
        std::vector<QueryRecord> records;
        position = log.read(position, records);
        for (const auto& record : records) {
            ++seen;
            ASSERT_EQ(record.wall_ms, record.duration_us);
            ASSERT_EQ(record.client.v4_value(), record.duration_us);
            ASSERT_EQ(record.qname.to_string(), "n" + std::to_string(record.duration_us) + ".x");
        }
    }
    writer.join();
    EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace hearth::dns
