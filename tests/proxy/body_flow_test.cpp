#include "proxy/core/body_flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace hearth::proxy {
namespace {

std::string take(Outgoing& out) {
    std::string text;
    for (const auto part : out.parts()) text += part;
    out.clear();
    return text;
}

struct Passed {
    std::string out, left;
    bool done = false;
};

Passed pass(BodyFraming in, BodyKind out_kind, const std::string& text, std::size_t cut) {
    BodyFlow flow;
    flow.start(in, out_kind);
    Passed passed;
    Outgoing out;
    for (std::string piece : {text.substr(0, cut), text.substr(cut)}) {
        const std::size_t used = flow.advance(piece, out);
        passed.out += take(out);
        passed.left += piece.substr(used);
    }
    passed.done = flow.done();
    return passed;
}

TEST(BodyFlow, EveryFramingCutAtEveryOctet) {
    const std::string chunked = "5\r\nhello\r\n3;x\r\nabc\r\n0\r\n\r\nnext";
    for (std::size_t cut = 0; cut <= chunked.size(); ++cut) {
        const Passed plain = pass({BodyKind::kChunked, 0}, BodyKind::kUntilClose, chunked, cut);
        EXPECT_EQ(plain.out, "helloabc");
        EXPECT_EQ(plain.left, "next");
        EXPECT_TRUE(plain.done);

        // Chunk borders may move; what they carry may not.
        Passed again = pass({BodyKind::kChunked, 0}, BodyKind::kChunked, chunked, cut);
        EXPECT_EQ(again.left, "next");
        again = pass({BodyKind::kChunked, 0}, BodyKind::kUntilClose, again.out,
                     std::min(cut, again.out.size()));
        EXPECT_EQ(again.out, "helloabc") << cut;
        EXPECT_TRUE(again.done);
    }
    const std::string counted = "hellonext";
    for (std::size_t cut = 0; cut <= counted.size(); ++cut) {
        const Passed same = pass({BodyKind::kLength, 5}, BodyKind::kLength, counted, cut);
        EXPECT_EQ(same.out, "hello");
        EXPECT_EQ(same.left, "next");
        EXPECT_TRUE(same.done);
    }
}

TEST(BodyFlow, AllowedTrailersTravel) {
    const Passed passed = pass({BodyKind::kChunked, 0}, BodyKind::kChunked,
                               "1\r\nx\r\n0\r\nGrpc-Status: 0\r\nX: y\r\n\r\n", 0);
    EXPECT_EQ(passed.out, "1\r\nx\r\n0\r\nGrpc-Status: 0\r\n\r\n");
}

TEST(BodyFlow, EndOfInput) {
    Outgoing out;
    BodyFlow counted;
    counted.start({BodyKind::kLength, 5}, BodyKind::kLength);
    EXPECT_FALSE(counted.end_of_input(out));

    BodyFlow until_close;
    until_close.start({BodyKind::kUntilClose, 0}, BodyKind::kChunked);
    EXPECT_TRUE(until_close.end_of_input(out));
    EXPECT_EQ(take(out), "0\r\n\r\n");
    EXPECT_TRUE(until_close.done());

    BodyFlow none;
    none.start({}, BodyKind::kNone);
    EXPECT_TRUE(none.done());
}

// Exchanges are used again: a chunk that was none is the matter of its own body.
TEST(BodyFlow, ARefusalEndsWithItsBody) {
    Outgoing out;
    BodyFlow flow;
    flow.start({BodyKind::kChunked, 0}, BodyKind::kChunked);
    std::string bad = "zz\r\n";
    (void)flow.advance(bad, out);
    EXPECT_EQ(flow.refusal(), Refusal::kChunkSize);
    for (const BodyFraming next : {BodyFraming{BodyKind::kLength, 2},
                                   BodyFraming{BodyKind::kUntilClose, 0}, BodyFraming{}}) {
        flow.start(next, next.kind);
        EXPECT_EQ(flow.refusal(), Refusal::kNone);
    }
}

TEST(Outgoing, AdvancesAcrossParts) {
    Outgoing out;
    out.add("head");
    out.add("");
    out.add("body");
    EXPECT_EQ(out.size(), 8U);
    out.advance(6);
    EXPECT_EQ(take(out), "dy");
    out.add("x");
    out.advance(1);
    EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace hearth::proxy
