#include "runtime/log_render.h"

#include <gtest/gtest.h>

namespace hearth::log {
namespace {

constexpr WallTime kMoment{
    std::chrono::milliseconds(1'767'323'045'678)};  // 2026-01-02T03:04:05.678Z

TEST(LogRender, TextQuotesWhatIsNotOneWord) {
    const std::string name = "dns";
    EXPECT_EQ(
        render_text(kMoment, Level::kWarn, "vip_conflict",
                    {{"vip", name}, {"text", "a \"b\"\n"}, {"n", -3}, {"empty", ""}, {"on", true}}),
        "2026-01-02T03:04:05.678Z warn vip_conflict vip=dns text=\"a \\\"b\\\"\\n\" n=-3 "
        "empty=\"\" "
        "on=true");
}

TEST(LogRender, JsonKeepsTypes) {
    EXPECT_EQ(
        render_json(kMoment, Level::kInfo, "hearth-dns", "started",
                    {{"n", 18446744073709551615U}, {"ratio", 0.5}, {"ok", false}, {"s", "x\ty"}}),
        "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"info\",\"service\":\"hearth-dns\","
        "\"event\":\"started\",\"n\":18446744073709551615,\"ratio\":0.5,\"ok\":false,"
        "\"s\":\"x\\u0009y\"}");
}

TEST(LogRender, JsonReplacesOctetsThatAreNotUtf8) {
    const struct {
        std::string_view in;
        std::string_view out;
    } cases[] = {
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xe2\x82\xac \xf0\x9f\x8f\xa0", "\xe2\x82\xac \xf0\x9f\x8f\xa0"},
        {"\xff", "\xef\xbf\xbd"},
        {"\xc3", "\xef\xbf\xbd"},                                  // cut short
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                  // overlong
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // surrogate
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (const auto& c : cases) {
        const std::string line = render_json(kMoment, Level::kInfo, "s", "e", {{"v", c.in}});
        EXPECT_TRUE(line.ends_with("\"v\":\"" + std::string(c.out) + "\"}")) << line;
    }
}

TEST(LogRender, JournalFieldsEndWithNul) {
    const std::string entry =
        render_journal(Level::kError, "hearth-lb", "vip_lost", {{"vip-name", "dns"}});
    using namespace std::string_view_literals;
    EXPECT_NE(entry.find("MESSAGE=vip_lost vip-name=dns\0"sv), std::string::npos);
    EXPECT_NE(entry.find("\0PRIORITY=3\0"sv), std::string::npos);
    EXPECT_NE(entry.find("\0SYSLOG_IDENTIFIER=hearth-lb\0"sv), std::string::npos);
    EXPECT_NE(entry.find("\0HEARTH_VIP_NAME=dns\0"sv), std::string::npos);
}

TEST(LogRender, MessageIdBelongsToTheEventForEver) {
    EXPECT_EQ(message_id("vip_lost").size(), 32U);
    EXPECT_EQ(message_id("vip_lost"), message_id("vip_lost"));
    EXPECT_NE(message_id("vip_lost"), message_id("vip_won"));
    EXPECT_EQ(message_id("started"), "c732f2e2fbe9f15e5f0e2a35a26499ef");
}

}  // namespace
}  // namespace hearth::log
