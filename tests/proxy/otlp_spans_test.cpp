#include "proxy/core/otlp_spans.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

AccessRecord record() {
    AccessRecord r;
    r.client = IpAddress::v4(10, 0, 0, 7);
    r.method = Method::kGet;
    r.method_text.assign("GET");
    r.host.assign("immich.home:8080");
    r.target.assign("/a?token=x");
    r.service = "immich";
    r.upstream = {IpAddress::v4(10, 0, 0, 15), 2283};
    r.status = 200;
    r.began = TimePoint(1h);
    r.duration = 20ms;
    return r;
}

RequestTrace trace() {
    RequestTrace t;
    t.context = {{1, 2}, 4, Sampling::kRecorded};
    t.server_span = 3;
    t.asked_upstream = TimePoint(1h) + 5ms;
    t.attempts = 1;
    return t;
}

const SpanContext kContext{"https", {}, WallTime(std::chrono::milliseconds(1'000))};

TEST(OtlpSpans, OneForTheClientAndOneForTheUpstream) {
    std::string out;
    EXPECT_EQ(append_spans(out, record(), trace(), kContext), 2U);
    EXPECT_EQ(
        out,
        R"({"traceId":"00000000000000010000000000000002","spanId":"0000000000000003","flags":1,)"
        R"("name":"GET","kind":2,"startTimeUnixNano":"980000000","endTimeUnixNano":"1000000000",)"
        R"("attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},)"
        R"({"key":"url.scheme","value":{"stringValue":"https"}},)"
        R"({"key":"url.path","value":{"stringValue":"/a"}},)"
        R"({"key":"url.query","value":{"stringValue":"token=***"}},)"
        R"({"key":"server.address","value":{"stringValue":"immich.home"}},)"
        R"({"key":"client.address","value":{"stringValue":"10.0.0.7"}},)"
        R"({"key":"network.protocol.name","value":{"stringValue":"http"}},)"
        R"({"key":"network.protocol.version","value":{"stringValue":"1.1"}},)"
        R"({"key":"hearth.service","value":{"stringValue":"immich"}},)"
        R"({"key":"http.request.body.size","value":{"intValue":"0"}},)"
        R"({"key":"http.response.body.size","value":{"intValue":"0"}},)"
        R"({"key":"http.response.status_code","value":{"intValue":"200"}}]},)"
        R"({"traceId":"00000000000000010000000000000002","spanId":"0000000000000004",)"
        R"("parentSpanId":"0000000000000003","flags":1,"name":"GET","kind":3,)"
        R"("startTimeUnixNano":"985000000","endTimeUnixNano":"1000000000",)"
        R"("attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},)"
        R"({"key":"server.address","value":{"stringValue":"10.0.0.15"}},)"
        R"({"key":"server.port","value":{"intValue":"2283"}},)"
        R"({"key":"hearth.service","value":{"stringValue":"immich"}},)"
        R"({"key":"http.response.status_code","value":{"intValue":"200"}}]},)");
}

TEST(OtlpSpans, FailuresAreErrorsWhereTheyHappened) {
    AccessRecord r = record();
    r.status = 502;
    r.error = {HopReason::kConnectRefused, Refusal::kNone};
    std::string out;
    EXPECT_EQ(append_spans(out, r, trace(), kContext), 2U);
    const std::string error = R"({"key":"error.type","value":{"stringValue":"connect_refused"}})";
    EXPECT_NE(out.find(error), out.rfind(error));
    EXPECT_TRUE(out.ends_with(R"("status":{"code":2}},)"));
}

TEST(OtlpSpans, AClientsMistakeIsNoErrorOfTheServer) {
    AccessRecord r = record();
    r.status = 404;
    RequestTrace t = trace();
    t.attempts = 0;
    std::string out;
    EXPECT_EQ(append_spans(out, r, t, kContext), 1U);
    EXPECT_EQ(out.find("\"status\""), std::string::npos);
}

TEST(OtlpSpans, AnUnknownMethodIsNoName) {
    AccessRecord r = record();
    r.method = Method::kOther;
    r.method_text.assign("PROPFIND");
    std::string out;
    (void)append_spans(out, r, trace(), kContext);
    EXPECT_NE(out.find(R"("name":"HTTP")"), std::string::npos);
    EXPECT_NE(out.find(R"("http.request.method_original","value":{"stringValue":"PROPFIND"})"),
              std::string::npos);
}

TEST(OtlpSpans, AMessageSaysWhoTells) {
    EXPECT_EQ(spans_message({"pi5", "1.0"}, "{},{},"),
              R"({"resourceSpans":[{"resource":{"attributes":[)"
              R"({"key":"service.name","value":{"stringValue":"hearth-proxy"}},)"
              R"({"key":"service.version","value":{"stringValue":"1.0"}},)"
              R"({"key":"host.name","value":{"stringValue":"pi5"}}]},"scopeSpans":[{"scope":)"
              R"({"name":"hearth-proxy"},"spans":[{},{}]}]}]})");
}

}  // namespace
}  // namespace hearth::proxy
