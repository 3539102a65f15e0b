#include "config/source.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::config {
namespace {

using namespace std::string_literals;

TEST(TextFault, PassesOrdinaryText) {
    for (const char* text : {"", "a: 1\n", "a: 1\r\nb:\t2\n", "# 50 % off\nname: \"ü 日本 🏠\"\n"})
        EXPECT_TRUE(find_text_fault(text).message.empty()) << text;
}

TEST(TextFault, FindsTheFirstBadOctet) {
    struct Case {
        std::string text;
        std::size_t offset;
    };
    const Case cases[] = {
        {"a\0b"s, 1},        {"a\rb"s, 1},        {"a\x1b[31m"s, 1},    {"ab\x7f"s, 2},
        {"a\xff"s, 1},       {"\xc0\xaf"s, 0},    {"\xed\xa0\x80"s, 0}, {"\xf4\x90\x80\x80"s, 0},
        {"\xe2\x82"s, 0},    {"a\xc2\x85"s, 1},   {"\xef\xbb\xbf"s, 0}, {"a\xe2\x80\xa8"s, 1},
        {"%YAML 1.2\n"s, 0}, {"a: 1\n%\xef"s, 5}, {"a: 1\r\n%X"s, 6},
    };
    for (const Case& one : cases) {
        const auto fault = find_text_fault(one.text);
        EXPECT_FALSE(fault.message.empty()) << testing::PrintToString(one.text);
        EXPECT_EQ(fault.offset, one.offset) << testing::PrintToString(one.text);
    }
}

TEST(Source, FindsLines) {
    const Source source("x", "one\r\ntwo\n\nfour");
    EXPECT_EQ(source.line_of(0), 0U);
    EXPECT_EQ(source.line_of(4), 0U);
    EXPECT_EQ(source.line_of(5), 1U);
    EXPECT_EQ(source.line_of(10), 3U);
    EXPECT_EQ(source.line_text(0), "one");
    EXPECT_EQ(source.line_text(2), "");
    EXPECT_EQ(source.line_text(3), "four");
    EXPECT_EQ(source.line_text(9), "");
}

TEST(CodePoints, CountsCharactersNotOctets) {
    EXPECT_EQ(code_points("aü日🏠"), 4U);
    EXPECT_EQ(code_points(""), 0U);
}

}  // namespace
}  // namespace hearth::config
