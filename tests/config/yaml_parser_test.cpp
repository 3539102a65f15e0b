#include "config/yaml_parser.h"

#include <gtest/gtest.h>

namespace hearth::config {
namespace {

struct Parsed {
    std::optional<Value> root;
    std::vector<Diagnostic> findings;
};

Parsed parse(const std::string& text) {
    SourceSet sources;
    sources.emplace_back("t.yaml", text);
    Diagnostics diagnostics(sources);
    auto root = parse_yaml(sources, 0, diagnostics);
    return {std::move(root), diagnostics.take()};
}

std::string spanned(const std::string& text, Span span) {
    return text.substr(span.offset, span.length);
}

TEST(YamlParser, KeepsTextStyleAndPlace) {
    const std::string text = "a: 010\nb: [\"x y\", 'z']\nc:\nü: {d: ~}\n";
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed.root);
    const Value& root = *parsed.root;
    EXPECT_EQ(root.find("a")->value.text, "010");
    EXPECT_EQ(root.find("a")->value.style, Style::kPlain);
    const Value& list = root.find("b")->value;
    EXPECT_EQ(list.items[0].text, "x y");
    EXPECT_EQ(list.items[0].style, Style::kQuoted);
    EXPECT_EQ(spanned(text, list.items[0].span), "\"x y\"");
    EXPECT_EQ(spanned(text, list.items[1].span), "'z'");
    EXPECT_EQ(root.find("c")->value.kind, Kind::kNull);
    EXPECT_EQ(spanned(text, root.find("c")->value.span), "c");
    EXPECT_EQ(spanned(text, root.find("ü")->key_span), "ü");
    EXPECT_EQ(root.find("ü")->value.find("d")->value.kind, Kind::kNull);
    EXPECT_EQ(root.find("e"), nullptr);
}

TEST(YamlParser, QuotedNullIsText) {
    const auto parsed = parse("a: \"null\"\nb: \"\"\nc: |\n  text\n");
    ASSERT_TRUE(parsed.root);
    EXPECT_EQ(parsed.root->find("a")->value.kind, Kind::kScalar);
    EXPECT_EQ(parsed.root->find("b")->value.kind, Kind::kScalar);
    EXPECT_EQ(parsed.root->find("c")->value.text, "text\n");
}

TEST(YamlParser, EmptySourcesAreNull) {
    for (const char* text : {"", "\n\n", "# only a comment\n"}) {
        const auto parsed = parse(text);
        ASSERT_TRUE(parsed.root) << text;
        EXPECT_EQ(parsed.root->kind, Kind::kNull) << text;
    }
}

TEST(YamlParser, OneFindingForBrokenText) {
    for (const char* text : {"a: [1", "a: {b", "a: \"x", "- a\nb: c", "a: b: c", "? [x]\n: y",
                             "[*a]", "&a b: c", "a: !x y", "a\n---\nb", "@"}) {
        const auto parsed = parse(text);
        EXPECT_FALSE(parsed.root) << text;
        EXPECT_EQ(parsed.findings.size(), 1U) << text;
    }
}

TEST(YamlParser, LimitsDepthAndSize) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_TRUE(parse(nested(kMaxDepth + 1)).root);
    EXPECT_FALSE(parse(nested(kMaxDepth + 2)).root);
    EXPECT_FALSE(parse(nested(500'000)).root);
    const auto list = [](std::size_t count) {
        std::string text = "[";
        for (std::size_t i = 0; i < count; ++i) text += "a,";
        return text + "]";
    };
    EXPECT_TRUE(parse(list(kMaxValues - 1)).root);
    EXPECT_FALSE(parse(list(kMaxValues)).root);
}

}  // namespace
}  // namespace hearth::config
