#include "base/name.h"

#include <gtest/gtest.h>

#include <vector>

#include <string>

namespace hearth {
namespace {

TEST(Name, ParsesFoldsAndPrints) {
    EXPECT_EQ(Name::parse("Immich.HOME.")->to_string(), "immich.home");
    EXPECT_EQ(Name::parse("")->to_string(), ".");
    EXPECT_EQ(Name::parse(".")->to_string(), ".");
    EXPECT_EQ(Name::parse("a\\.b.c")->label_count(), 2);
    EXPECT_EQ(Name::parse("a\\.b.c")->to_string(), "a\\.b.c");
    EXPECT_EQ(Name::parse("\\000\\255.x")->to_string(), "\\000\\255.x");
    EXPECT_EQ(Name::parse("*.home")->first_label(), "*");
}

TEST(Name, RefusesBadText) {
    for (const char* text : {"..", ".a", "a..b", "a.\\", "\\25", "\\256.a", "\\2x5"})
        EXPECT_FALSE(Name::parse(text)) << text;
    EXPECT_TRUE(Name::parse(std::string(63, 'a')));
    EXPECT_FALSE(Name::parse(std::string(64, 'a')));
}

TEST(Name, HoldsExactly255Octets) {
    const std::string label(63, 'a');
    // 3 x 64 + 62 + 1 = 255 octets on the wire.
    EXPECT_TRUE(Name::parse(label + "." + label + "." + label + "." + std::string(61, 'b')));
    EXPECT_FALSE(Name::parse(label + "." + label + "." + label + "." + std::string(62, 'b')));
}

TEST(Name, WireRoundTrip) {
    const auto name = *Name::parse("www.Example.com");
    EXPECT_EQ(Name::from_wire(name.wire()), name);
    const std::uint8_t unterminated[] = {1, 'a'};
    const std::uint8_t trailing[] = {1, 'a', 0, 0};
    const std::uint8_t pointer[] = {0xc0, 0};
    EXPECT_FALSE(Name::from_wire(unterminated));
    EXPECT_FALSE(Name::from_wire(trailing));
    EXPECT_FALSE(Name::from_wire(pointer));
    EXPECT_FALSE(Name::from_wire({}));
}

TEST(Name, Ancestry) {
    const auto home = *Name::parse("home");
    const auto immich = *Name::parse("immich.home");
    EXPECT_TRUE(immich.is_at_or_under(home));
    EXPECT_TRUE(home.is_at_or_under(home));
    EXPECT_FALSE(home.is_at_or_under(immich));
    EXPECT_FALSE(Name::parse("nothome")->is_at_or_under(home));
    EXPECT_TRUE(immich.is_at_or_under(Name{}));
    EXPECT_EQ(immich.parent(), home);
    EXPECT_TRUE(home.parent().is_root());
    EXPECT_EQ(*home.child("IMMICH"), immich);
    EXPECT_EQ(*Name::parse("immich")->append(home), immich);
    EXPECT_FALSE(home.child(std::string(64, 'x')));
}

TEST(Name, FoldsEveryOctetOfEveryLabelAndNoOther) {
    for (std::size_t size = 1; size <= Name::kMaxLabel; ++size) {
        for (int first = 0; first < 256; first += static_cast<int>(size)) {
            std::vector<std::uint8_t> wire = {static_cast<std::uint8_t>(size)};
            std::vector<std::uint8_t> folded = wire;
            for (std::size_t i = 0; i < size; ++i) {
                const auto octet = static_cast<std::uint8_t>(first + static_cast<int>(i));
                wire.push_back(octet);
                folded.push_back(octet >= 'A' && octet <= 'Z'
                                     ? static_cast<std::uint8_t>(octet + 'a' - 'A')
                                     : octet);
            }
            wire.push_back(0);
            folded.push_back(0);
            const auto name = Name::from_wire(wire);
            ASSERT_TRUE(name);
            ASSERT_EQ(as_text(name->wire()), as_text(folded)) << size << " from " << first;
        }
    }
}

TEST(Name, AssignWireLeavesTheRootWhenItRefuses) {
    Name name = *Name::parse("immich.home");
    const std::uint8_t cut[] = {3, 'a', 'b'};
    EXPECT_FALSE(name.assign_wire(cut));
    EXPECT_TRUE(name.is_root());
    EXPECT_FALSE(name.assign_wire({}));
    const std::uint8_t beyond[] = {1, 'a', 0, 0};
    EXPECT_FALSE(name.assign_wire(beyond));
}

TEST(HostLabel, LettersDigitsInnerHyphens) {
    for (const char* good : {"immich", "pi4-1", "A", "3d"})
        EXPECT_TRUE(is_host_label(good)) << good;
    for (const char* bad : {"", "-a", "a-", "a.b", "a_b", "ä"})
        EXPECT_FALSE(is_host_label(bad)) << bad;
}

}  // namespace
}  // namespace hearth
