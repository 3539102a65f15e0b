#include "proxy/core/stream_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace hearth::proxy {
namespace {

using namespace std::chrono_literals;

StreamRecord mqtt() {
    StreamRecord record;
    record.kind = StreamKind::kTcp;
    record.client = {IpAddress::parse("10.0.0.40").value(), 40123};
    record.service = "mqtt";
    record.upstream = {IpAddress::parse("10.0.0.20").value(), 1883};
    record.from_client = 17;
    record.to_client = 4096;
    record.duration = 1234567us;
    record.close = StreamClose::kClosed;
    return record;
}

std::string line(const StreamRecord& record, AccessFormat format) {
    std::string out;
    const WallTime when{1'700'000'000'123ms};
    const bool told = append_stream_line(out, record, format, when);
    EXPECT_EQ(told, !out.empty());
    std::replace(out.begin(), out.end(), '\0', '\n');
    return out;
}

TEST(StreamLine, Text) {
    EXPECT_EQ(line(mqtt(), AccessFormat::kText),
              "2023-11-14T22:13:20.123Z 10.0.0.40:40123 tcp mqtt 17/4096 1234ms 10.0.0.20:1883 "
              "closed");
}

TEST(StreamLine, Json) {
    EXPECT_EQ(line(mqtt(), AccessFormat::kJson),
              R"({"time":"2023-11-14T22:13:20.123Z","stream":"tcp","client":"10.0.0.40",)"
              R"("client_port":40123,"service":"mqtt","upstream":"10.0.0.20:1883",)"
              R"("request_octets":17,"response_octets":4096,"duration_us":1234567,)"
              R"("end":"closed"})");
    StreamRecord refused = mqtt();
    refused.upstream = {};
    refused.close = StreamClose::kFailed;
    refused.reason = HopReason::kForbidden;
    EXPECT_EQ(line(refused, AccessFormat::kJson),
              R"({"time":"2023-11-14T22:13:20.123Z","stream":"tcp","client":"10.0.0.40",)"
              R"("client_port":40123,"service":"mqtt","request_octets":17,)"
              R"("response_octets":4096,"duration_us":1234567,"end":"failed","hop":"proxy",)"
              R"("reason":"forbidden"})");
}

TEST(StreamLine, Journal) {
    StreamRecord record = mqtt();
    record.kind = StreamKind::kUdp;
    record.close = StreamClose::kIdle;
    EXPECT_EQ(line(record, AccessFormat::kJournal),
              "MESSAGE=10.0.0.40:40123 udp mqtt 17/4096 1234ms 10.0.0.20:1883 idle\nPRIORITY=6\n"
              "MESSAGE_ID=f1a35ad2f0c54c5f9f0f6de87a3f6e0b\nSYSLOG_IDENTIFIER=hearth-proxy\n"
              "HEARTH_EVENT=stream\nHEARTH_STREAM=udp\nHEARTH_SERVICE=mqtt\n"
              "HEARTH_CLIENT=10.0.0.40\nHEARTH_CLIENT_PORT=40123\n"
              "HEARTH_UPSTREAM=10.0.0.20:1883\nHEARTH_REQUEST_OCTETS=17\n"
              "HEARTH_RESPONSE_OCTETS=4096\nHEARTH_DURATION_US=1234567\nHEARTH_END=idle\n");
}

TEST(StreamLine, CombinedIsForRequests) {
    EXPECT_EQ(line(mqtt(), AccessFormat::kCombined), "");
    EXPECT_EQ(line(mqtt(), AccessFormat::kOff), "");
}

}  // namespace
}  // namespace hearth::proxy
