#include "runtime/log.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hearth::log {
namespace {

TEST(Log, LevelsAreParsedAndNamed) {
    for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
        EXPECT_EQ(parse_level(to_string(level)), level);
    }
    EXPECT_FALSE(parse_level("loud"));
    EXPECT_EQ(parse_format("journal"), Format::kJournal);
    EXPECT_FALSE(parse_format("xml"));
}

TEST(Log, SubscriberGetsWhatIsWritten) {
    std::vector<std::string> lines;
    set_subscriber([&](std::string_view json) { lines.emplace_back(json); });
    testing::internal::CaptureStderr();
    debug("too_quiet");
    info("loud_enough", {{"n", 1}});
    set_subscriber({});
    info("after");
    const std::string written = testing::internal::GetCapturedStderr();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find("\"event\":\"loud_enough\",\"n\":1}"), std::string::npos);
    EXPECT_NE(written.find(" info loud_enough n=1\n"), std::string::npos);
    EXPECT_NE(written.find(" info after\n"), std::string::npos);
    EXPECT_EQ(written.find("too_quiet"), std::string::npos);
}

TEST(Log, CloseWritesWhatWaits) {
    testing::internal::CaptureStderr();
    Options options;
    options.format = Format::kJson;
    options.service = "hearth-test";
    open(options);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 100; ++i) info("from_thread", {{"i", i}});
        });
    }
    for (std::thread& thread : threads) thread.join();
    close();
    const std::string written = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 400);
    EXPECT_NE(written.find("\"service\":\"hearth-test\""), std::string::npos);
}

}  // namespace
}  // namespace hearth::log
