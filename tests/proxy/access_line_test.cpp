#include "proxy/core/access_line.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

AccessRecord record() {
    AccessRecord r;
    r.client = IpAddress::v4(10, 0, 0, 7);
    r.method = Method::kGet;
    r.host.assign("immich.home");
    r.target.assign("/a?b=\"c\"");
    r.user_agent.assign("curl/8\x01");
    r.service = "immich";
    r.upstream = {IpAddress::v4(10, 0, 0, 15), 2283};
    r.status = 200;
    r.response_octets = 1234;
    r.duration = 5678us;
    return r;
}

const WallTime kWhen{std::chrono::milliseconds(1'790'000'000'123)};

std::string line(const AccessRecord& r, AccessFormat format) {
    std::string out;
    append_access_line(out, r, format, kWhen);
    return out;
}

TEST(AccessLine, Json) {
    EXPECT_EQ(
        line(record(), AccessFormat::kJson),
        "{\"time\":\"2026-09-21T14:13:20.123Z\",\"client\":\"10.0.0.7\",\"method\":\"GET\","
        "\"protocol\":\"HTTP/1.1\",\"host\":\"immich.home\",\"target\":\"/"
        "a?b=\\\"c\\\"\",\"status\":200,"
        "\"request_octets\":0,\"response_octets\":1234,\"duration_us\":5678,"
        "\"service\":\"immich\",\"upstream\":\"10.0.0.15:2283\",\"user_agent\":\"curl/8\\u0001\"}");
}

TEST(AccessLine, Combined) {
    EXPECT_EQ(line(record(), AccessFormat::kCombined),
              "10.0.0.7 - - [21/Sep/2026:14:13:20 +0000] \"GET /a?b=\\\"c\\\" HTTP/1.1\" 200 1234 "
              "\"-\" \"curl/8\\x01\"");
}

TEST(AccessLine, TextTellsWhatFailed) {
    AccessRecord r = record();
    r.status = 502;
    r.error = {HopReason::kConnectRefused, Refusal::kNone};
    EXPECT_EQ(
        line(r, AccessFormat::kText),
        "2026-09-21T14:13:20.123Z 10.0.0.7 immich.home \"GET /a?b=\\\"c\\\" HTTP/1.1\" 502 1234 "
        "5ms 10.0.0.15:2283 connect_refused");
}

TEST(AccessLine, SecretsAreLeftOutOfEachForm) {
    AccessRecord r = record();
    r.target.assign("/a?api_key=hidden");
    r.referer.assign("https://ann:hidden@x.home/?token=hidden");
    for (const auto format : {AccessFormat::kText, AccessFormat::kJson, AccessFormat::kJournal,
                              AccessFormat::kCombined}) {
        EXPECT_EQ(line(r, format).find("hidden"), std::string::npos);
        EXPECT_NE(line(r, format).find("/a?api_key=***"), std::string::npos);
    }
}

TEST(AccessLine, CombinedWithoutAnAnswerIsNginxs499) {
    AccessRecord r = record();
    r.status = 0;
    r.target.clear();
    r.method = Method::kOther;
    r.method_text.assign("PROPFIND");
    EXPECT_EQ(line(r, AccessFormat::kCombined),
              "10.0.0.7 - - [21/Sep/2026:14:13:20 +0000] \"PROPFIND - HTTP/1.1\" 499 1234 \"-\" "
              "\"curl/8\\x01\"");
}

TEST(AccessLine, JournalFieldsEndWithNul) {
    AccessRecord r = record();
    r.trace = {1, 2};
    const std::string fields = line(r, AccessFormat::kJournal);
    EXPECT_TRUE(fields.starts_with("MESSAGE=10.0.0.7 immich.home \"GET "));
    EXPECT_TRUE(fields.ends_with(std::string("TRACE_ID=00000000000000010000000000000002\0", 42)));
    for (const char* field : {"PRIORITY=6", "HEARTH_SERVICE=immich", "HEARTH_CLIENT=10.0.0.7",
                              "HEARTH_STATUS=200", "HEARTH_USER_AGENT=curl/8\\x01"}) {
        EXPECT_NE(fields.find(std::string(1, '\0') + field + '\0'), std::string::npos) << field;
    }
    EXPECT_EQ(fields.find(std::string_view("\0\0", 2)), std::string::npos);
}

TEST(AccessLine, OffIsNothing) { EXPECT_EQ(line(record(), AccessFormat::kOff), ""); }

TEST(ShortText, CutsOffWhatDoesNotFit) {
    ShortText<4> text;
    text.assign("abcdef");
    EXPECT_EQ(text.view(), "abcd");
}

}  // namespace
}  // namespace hearth::proxy
