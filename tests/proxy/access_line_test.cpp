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
        "\"host\":\"immich.home\",\"target\":\"/a?b=\\\"c\\\"\",\"status\":200,"
        "\"request_octets\":0,\"response_octets\":1234,\"duration_us\":5678,"
        "\"service\":\"immich\",\"upstream\":\"10.0.0.15:2283\",\"user_agent\":\"curl/8\\u0001\"}");
}

TEST(AccessLine, Combined) {
    EXPECT_EQ(line(record(), AccessFormat::kCombined),
              "10.0.0.7 - - [21/Sep/2026:14:13:20 +0000] \"GET /a?b=\\\"c\\\" HTTP/1.1\" 200 1234 "
              "\"-\" \"curl/8\\u0001\"");
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

TEST(AccessLine, OffIsNothing) { EXPECT_EQ(line(record(), AccessFormat::kOff), ""); }

TEST(ShortText, CutsOffWhatDoesNotFit) {
    ShortText<4> text;
    text.assign("abcdef");
    EXPECT_EQ(text.view(), "abcd");
}

}  // namespace
}  // namespace hearth::proxy
