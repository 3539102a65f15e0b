#include "proxy/core/chunked.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

struct Decoded {
    std::string data;
    std::string left;  // after the body
    std::string trailers;
    Refusal refusal = Refusal::kNone;
    bool done = false;
};

// Feeds `text` in pieces cut at `cut`.
Decoded decode(const std::string& text, std::size_t cut) {
    ChunkedDecoder decoder;
    Decoded result;
    for (std::string piece : {text.substr(0, cut), text.substr(cut)}) {
        const auto step = decoder.decode(piece);
        result.data += piece.substr(0, step.produced);
        result.left += piece.substr(step.consumed);
        if (decoder.refusal() != Refusal::kNone) break;
    }
    result.refusal = decoder.refusal();
    result.done = decoder.done();
    result.trailers = decoder.trailers();
    return result;
}

TEST(ChunkedDecoder, GoodBodiesCutAtEveryOctet) {
    const struct {
        std::string text, data, left, trailers;
    } table[] = {
        {"0\r\n\r\n", "", "", ""},
        {"5\r\nhello\r\n0\r\n\r\nGET", "hello", "GET", ""},
        {"00005\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n", "hello0123456789", "", ""},
        {"5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", "hello", "", ""},
        {"1\r\nx\r\n0\r\nGrpc-Status: 0\r\nHost: evil\r\nX: y\r\n\r\nz", "x", "z",
         "Grpc-Status: 0\r\n"},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "", ""},
    };
    for (const auto& each : table) {
        for (std::size_t cut = 0; cut <= each.text.size(); ++cut) {
            const Decoded got = decode(each.text, cut);
            EXPECT_TRUE(got.done) << each.text << " cut at " << cut;
            EXPECT_EQ(got.data, each.data) << cut;
            EXPECT_EQ(got.left, each.left) << cut;
            EXPECT_EQ(got.trailers, each.trailers) << cut;
        }
    }
}

TEST(ChunkedDecoder, RefusesTheCatalogueCutAtEveryOctet) {
    const struct {
        std::string text;
        Refusal refusal;
    } table[] = {
        {"\r\nhello", Refusal::kChunkSize},
        {"+5\r\nhello\r\n", Refusal::kChunkSize},
        {"-1\r\n", Refusal::kChunkSize},
        {"0x5\r\nhello\r\n", Refusal::kChunkSize},
        {" 5\r\nhello\r\n", Refusal::kChunkSize},
        {"5 \r\nhello\r\n", Refusal::kChunkSize},
        {"g\r\n", Refusal::kChunkSize},
        {"FFFFFFFFFFFFFFFF\r\n", Refusal::kChunkSize},
        {"10000000000000005\r\nhello\r\n", Refusal::kChunkSize},
        {"5\nhello\r\n", Refusal::kChunkSize},
        {"5\r\nhello0\r\n\r\n", Refusal::kChunkEnd},
        {"5\r\nhello\n0\r\n\r\n", Refusal::kChunkEnd},
        {"5\r\nhello\r0\r\n\r\n", Refusal::kChunkEnd},
        {"5;a\nb\r\nhello\r\n", Refusal::kChunkSize},
        {"5;a\rb\r\nhello\r\n", Refusal::kBareCr},
        {std::string("5;\0\r\nhello\r\n", 11), Refusal::kChunkSize},
        {"5;" + std::string(300, 'x') + "\r\n", Refusal::kChunkSize},
        {"0\r\nbad\r\n\r\n", Refusal::kTrailer},
        {"0\r\n a: b\r\n\r\n", Refusal::kTrailer},
        {"0\r\na : b\r\n\r\n", Refusal::kTrailer},
        {"0\r\na: b\n\r\n", Refusal::kBareCr},
        {"0\r\n\n", Refusal::kBareCr},
        {"0\r\na: " + std::string(kMaxTrailers, 'x'), Refusal::kHeadTooLarge},
    };
    for (const auto& each : table) {
        for (std::size_t cut = 0; cut <= std::min<std::size_t>(each.text.size(), 40); ++cut) {
            const Decoded got = decode(each.text, cut);
            EXPECT_EQ(got.refusal, each.refusal)
                << each.text << " cut at " << cut << ": " << describe(got.refusal);
            EXPECT_FALSE(got.done);
        }
    }
}

TEST(ChunkPrefix, HexadecimalWithoutPadding) {
    ChunkPrefix prefix;
    EXPECT_EQ(prefix.set(0), "");
    EXPECT_EQ(prefix.set(1), "1\r\n");
    EXPECT_EQ(prefix.set(0x7f40), "7f40\r\n");
}

}  // namespace
}  // namespace hearth::proxy
