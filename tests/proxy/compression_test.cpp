#include "proxy/core/compression.h"

#include <gtest/gtest.h>

#include "proxy/core/body_flow.h"

namespace hearth::proxy {
namespace {

const Compression kRule{{ContentCoding::kZstd, ContentCoding::kBrotli, ContentCoding::kGzip},
                        {"text/*", "application/json", "+xml"},
                        100};

ContentCoding chosen(std::string_view accept) {
    HeaderTable headers;
    headers.add({"Accept-Encoding", accept, HeaderId::kOther});
    return choose_coding(headers, kRule);
}

TEST(Compression, WhatTheClientLikesBestThenWhatWeDo) {
    EXPECT_EQ(chosen("gzip, deflate, br, zstd"), ContentCoding::kZstd);
    EXPECT_EQ(chosen("gzip, deflate, br"), ContentCoding::kBrotli);
    EXPECT_EQ(chosen("GZIP"), ContentCoding::kGzip);
    EXPECT_EQ(chosen("gzip;q=1.0, br;q=0.9"), ContentCoding::kGzip);
    EXPECT_EQ(chosen("*"), ContentCoding::kZstd);
    EXPECT_EQ(chosen("*;q=0.5, gzip"), ContentCoding::kGzip);
    EXPECT_EQ(chosen("zstd;q=0, *"), ContentCoding::kBrotli);
    EXPECT_EQ(choose_coding({}, kRule), ContentCoding::kNone);
    for (const char* none :
         {"", "identity", "gzip;q=0", "gzip;q=0.000", "gzip;q=x", "xgzip", "gzip;level=9"})
        EXPECT_EQ(chosen(none), ContentCoding::kNone) << none;
}

ResponseHead answer(std::string_view type, BodyFraming body = {BodyKind::kChunked, 0}) {
    ResponseHead head;
    head.status = 200;
    head.body = body;
    head.headers.add({"Content-Type", type, HeaderId::kContentType});
    return head;
}

bool compressible_with(std::string_view name, std::string_view value) {
    ResponseHead head = answer("text/html");
    head.headers.add({name, value, HeaderId::kOther});
    return is_compressible(head, kRule);
}

TEST(Compression, WhatIsWorthIt) {
    for (const char* type : {"text/html", "Text/CSS; charset=utf-8", "application/json",
                             "application/atom+xml", "text/event-stream"})
        EXPECT_TRUE(is_compressible(answer(type), kRule)) << type;
    for (const char* type : {"image/png", "application/zip", "text", "text/", "application/jsonx"})
        EXPECT_FALSE(is_compressible(answer(type), kRule)) << type;
    EXPECT_FALSE(is_compressible(answer("text/html", {BodyKind::kLength, 99}), kRule));
    EXPECT_TRUE(is_compressible(answer("text/html", {BodyKind::kLength, 100}), kRule));
    EXPECT_FALSE(is_compressible(answer("text/html", {BodyKind::kNone, 0}), kRule));
    EXPECT_FALSE(compressible_with("Content-Encoding", "gzip"));
    EXPECT_FALSE(compressible_with("Cache-Control", "max-age=5, No-Transform"));
    EXPECT_FALSE(compressible_with("Content-Range", "bytes 0-1/2"));
    EXPECT_TRUE(compressible_with("Cache-Control", "no-store"));
    for (const int status : {101, 204, 206, 304}) {
        ResponseHead head = answer("text/html");
        head.status = status;
        EXPECT_FALSE(is_compressible(head, kRule)) << status;
    }
    EXPECT_FALSE(is_compressible(answer("text/html"), {}));
}

TEST(Compression, TheHeadTellsOfIt) {
    ResponseHead head = answer("text/html", {BodyKind::kLength, 500});
    head.headers.add({"Content-Length", "500", HeaderId::kContentLength});
    head.headers.add({"ETag", "\"a\"", HeaderId::kOther});
    head.headers.add({"Vary", "Cookie", HeaderId::kOther});
    std::string etag;
    announce_choice(head);
    announce_choice(head);
    announce_coding(head, ContentCoding::kBrotli, etag);
    std::string all;
    for (const HeaderField& field : head.headers.fields())
        all.append(field.name).append("=").append(field.value).append(" ");
    EXPECT_EQ(all,
              "Content-Type=text/html Vary=Cookie Vary=Accept-Encoding ETag=W/\"a\" "
              "Content-Encoding=br ");
}

ResponseHead bodiless(int status, std::string_view type = {}) {
    ResponseHead head;
    head.status = status;
    if (!type.empty()) head.headers.add({"Content-Type", type, HeaderId::kContentType});
    head.headers.add({"ETag", "\"a\"", HeaderId::kOther});
    return head;
}

TEST(Compression, WhatStandsForSomethingCompressible) {
    EXPECT_TRUE(stands_for_compressible(bodiless(304), Method::kGet, kRule));
    EXPECT_TRUE(stands_for_compressible(bodiless(304, "text/html"), Method::kHead, kRule));
    EXPECT_FALSE(stands_for_compressible(bodiless(304, "image/png"), Method::kGet, kRule));
    EXPECT_FALSE(stands_for_compressible(bodiless(304), Method::kGet, {}));
    EXPECT_TRUE(stands_for_compressible(bodiless(206, "text/html"), Method::kGet, kRule));
    EXPECT_FALSE(stands_for_compressible(bodiless(206, "image/png"), Method::kGet, kRule));
    EXPECT_TRUE(stands_for_compressible(bodiless(200, "text/html"), Method::kHead, kRule));
    EXPECT_FALSE(stands_for_compressible(bodiless(200, "text/html"), Method::kGet, kRule));
    EXPECT_FALSE(stands_for_compressible(bodiless(204, "text/html"), Method::kHead, kRule));
    for (const auto& [length, expected] : {std::pair("99", false), std::pair("100", true)}) {
        ResponseHead head = bodiless(200, "text/html");
        head.headers.add({"Content-Length", length, HeaderId::kContentLength});
        EXPECT_EQ(stands_for_compressible(head, Method::kHead, kRule), expected) << length;
    }
}

TEST(Compression, TheTagIsTheOneThatTheClientHas) {
    const auto weak = [](int status, ContentCoding coding, std::string_view asked_with) {
        return has_weak_tag(bodiless(status, "text/html"), coding, asked_with);
    };
    constexpr ContentCoding kGzip = ContentCoding::kGzip;
    constexpr ContentCoding kPlain = ContentCoding::kNone;
    EXPECT_TRUE(weak(304, kGzip, "W/\"a\""));
    EXPECT_TRUE(weak(304, kPlain, "\"b\", W/\"a\","));
    EXPECT_FALSE(weak(304, kGzip, "\"a\", W/\"b\""));
    EXPECT_TRUE(weak(304, kGzip, "\"a\", W/\"a\""));
    EXPECT_FALSE(weak(304, kPlain, "\"a\", W/\"a\""));
    EXPECT_FALSE(weak(304, kPlain, ""));
    EXPECT_TRUE(weak(304, kGzip, "*"));
    EXPECT_TRUE(weak(200, kGzip, "\"a\""));
    EXPECT_FALSE(weak(206, kGzip, "W/\"a\""));
    HeaderTable asked;
    asked.add({"If-None-Match", "\"x\"", HeaderId::kOther});
    asked.add({"if-none-match", "W/\"a\"", HeaderId::kOther});
    EXPECT_TRUE(weak(304, kPlain, tags_asked_with(asked)));
}

// Says each octet twice, and holds a word back until the end.
class Doubling final : public BodyCoder {
public:
    std::string_view code(std::string_view octets, Part part) override {
        out_.clear();
        for (const char c : octets) out_.append(2, c);
        if (part == Part::kLast) out_ += "end";
        return out_;
    }

private:
    std::string out_;
};

std::string flow(BodyFraming in, BodyKind kind, std::string body, bool closes) {
    Doubling coder;
    BodyFlow flow;
    flow.start(in, kind, &coder);
    std::string sent;
    Outgoing out;
    const auto send = [&] {
        for (const auto part : out.parts()) sent += part;
        out.clear();
    };
    for (char& c : body) {
        (void)flow.advance({&c, 1}, out);
        send();
    }
    EXPECT_TRUE(!closes || flow.end_of_input(out));
    send();
    EXPECT_TRUE(flow.done());
    return sent;
}

TEST(Compression, ACodedBodyIsFramedAnew) {
    EXPECT_EQ(flow({BodyKind::kLength, 2}, BodyKind::kChunked, "ab", false),
              "2\r\naa\r\n5\r\nbbend\r\n0\r\n\r\n");
    EXPECT_EQ(flow({BodyKind::kUntilClose, 0}, BodyKind::kChunked, "a", true),
              "2\r\naa\r\n3\r\nend\r\n0\r\n\r\n");
    EXPECT_EQ(flow({BodyKind::kUntilClose, 0}, BodyKind::kUntilClose, "a", true), "aaend");
    EXPECT_EQ(flow({BodyKind::kChunked, 0}, BodyKind::kUntilClose, "1\r\na\r\n0\r\n\r\n", false),
              "aaend");
}

}  // namespace
}  // namespace hearth::proxy
