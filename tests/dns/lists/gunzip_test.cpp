#include "dns/lists/gunzip.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hearth::dns {
namespace {

// Two members: "a.example\n" and "b.example\n".
const std::vector<std::uint8_t> kTwo = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xd4, 0x4b, 0xad, 0x48,
    0xcc, 0x2d, 0xc8, 0x49, 0xe5, 0x02, 0x00, 0xbd, 0xe5, 0xb7, 0xa0, 0x0a, 0x00, 0x00, 0x00,
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xd2, 0x4b, 0xad, 0x48,
    0xcc, 0x2d, 0xc8, 0x49, 0xe5, 0x02, 0x00, 0xbe, 0x5e, 0x80, 0x4b, 0x0a, 0x00, 0x00, 0x00};
constexpr std::string_view kText = "a.example\nb.example\n";

// Unpacks pieces one after the other, as one text; why not where that fails.
Result<std::string> unpack(const std::vector<ByteView>& pieces) {
    Gunzip gunzip;
    std::string text;
    const auto take = [&text](ByteView bytes) -> Result<void> {
        text += as_text(bytes);
        return {};
    };
    for (const ByteView piece : pieces)
        if (auto fed = gunzip.feed(piece, take); !fed) return fail(fed.error());
    if (!gunzip.is_whole()) return fail(Errc::kTruncated, "", "ends early");
    return text;
}

TEST(Gunzip, TextIsTheSameHoweverTheStreamIsSplit) {
    for (std::size_t at = 0; at <= kTwo.size(); ++at) {
        const ByteView whole(kTwo);
        EXPECT_EQ(unpack({whole.first(at), whole.subspan(at)}).value(), kText) << at;
    }
    std::vector<ByteView> single;
    for (std::size_t i = 0; i < kTwo.size(); ++i) single.push_back(ByteView(kTwo).subspan(i, 1));
    EXPECT_EQ(unpack(single).value(), kText);
}

TEST(Gunzip, StreamThatEndsEarlyIsTold) {
    for (std::size_t size = 0; size < kTwo.size(); ++size) {
        const auto text = unpack({ByteView(kTwo).first(size)});
        if (size == kTwo.size() / 2)
            EXPECT_EQ(text.value(), "a.example\n");  // between two members
        else
            EXPECT_EQ(text.error().code, Errc::kTruncated) << size;
    }
}

TEST(Gunzip, DamageIsTold) {
    for (std::size_t i = 0; i < kTwo.size(); ++i) {
        const bool is_not_checked = i % (kTwo.size() / 2) >= 3 && i % (kTwo.size() / 2) < 10;
        if (is_not_checked) continue;  // flags, time and system of the header
        auto damaged = kTwo;
        damaged[i] ^= 0x55;
        EXPECT_FALSE(unpack({damaged})) << i;
    }
}

TEST(Gunzip, TakerEndsTheUnpacking) {
    Gunzip gunzip;
    const auto refuse = [](ByteView) -> Result<void> { return fail(Errc::kTooLarge, "", "much"); };
    EXPECT_EQ(gunzip.feed(kTwo, refuse).error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace hearth::dns
