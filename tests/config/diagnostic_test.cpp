#include "config/diagnostic.h"

#include <gtest/gtest.h>

namespace hearth::config {
namespace {

Span span(std::uint32_t offset, std::uint32_t length) { return {0, offset, length}; }

std::string rendered(const std::string& text, Span where) {
    SourceSet sources;
    sources.emplace_back("h.yaml", text);
    Diagnostics diagnostics(sources);
    diagnostics.error(where, "wrong");
    return render(diagnostics.take());
}

TEST(Diagnostic, ColumnsAreCharacters) {
    EXPECT_EQ(rendered("é: ünö\n", span(4, 5)), "h.yaml:1:4: error: wrong\né: ünö\n   ^~~\n");
}

TEST(Diagnostic, TabsStayTabsSoThatTheCaretAligns) {
    EXPECT_EQ(rendered("\ta:\tb\n", span(4, 1)), "h.yaml:1:5: error: wrong\n\ta:\tb\n\t  \t^\n");
}

TEST(Diagnostic, MarksNoMoreThanTheLine) {
    EXPECT_EQ(rendered("a: |\n  b\n", span(3, 100)), "h.yaml:1:4: error: wrong\na: |\n   ^\n");
    EXPECT_EQ(rendered("", span(0, 1)), "h.yaml:1:1: error: wrong\n\n^\n");
}

TEST(Diagnostic, ControlCharactersNeverReachTheTerminal) {
    const auto text = rendered("a: \x1b[31m\n", span(0, 1));
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Diagnostic, LongLinesAreShownInPart) {
    const std::string text = std::string(5000, 'a') + "X" + std::string(5000, 'b');
    const auto out = rendered(text, span(5000, 1));
    EXPECT_LT(out.size(), 600U);
    const auto line = out.substr(out.find('\n') + 1);
    const auto caret = line.substr(line.find('\n') + 1).find('^');
    // The line starts with an ellipsis of one column and three octets.
    EXPECT_EQ(line[caret + 2], 'X') << out;
}

TEST(Diagnostic, ColourOnlyWhenAsked) {
    SourceSet sources;
    sources.emplace_back("h.yaml", "a: b\n");
    Diagnostics diagnostics(sources);
    diagnostics.error(span(0, 1), "wrong", "right");
    const auto findings = diagnostics.take();
    EXPECT_EQ(render(findings).find('\033'), std::string::npos);
    EXPECT_NE(render(findings, Colour::kAnsi).find('\033'), std::string::npos);
    EXPECT_EQ(findings[0].headline(), "h.yaml:1:1: error: wrong (did you mean right?)");
}

TEST(Diagnostic, JsonIsQuoted) {
    SourceSet sources;
    sources.emplace_back("h.yaml", "a: \"b\"\n");
    Diagnostics diagnostics(sources);
    diagnostics.error(span(3, 3), "say \"b\" \\")
        .notes.push_back(diagnostics.note(span(0, 1), "here"));
    EXPECT_EQ(render_json(diagnostics.take()),
              R"([{"severity":"error","file":"h.yaml","line":1,"column":4,"length":3,)"
              R"("message":"say \"b\" \\","suggestion":null,"source":"a: \"b\"",)"
              R"("notes":[{"file":"h.yaml","line":1,"column":1,"message":"here"}]}])");
}

TEST(Diagnostic, SortsByPlaceAndDropsWarningsBesideErrors) {
    SourceSet sources;
    sources.emplace_back("h.yaml", "a\nb\nc\n");
    Diagnostics diagnostics(sources);
    diagnostics.error(span(4, 1), "third");
    diagnostics.warning(span(2, 1), "second");
    diagnostics.error(span(0, 1), "first");
    const auto findings = diagnostics.take();
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].message, "first");
    EXPECT_EQ(findings[1].message, "third");
}

}  // namespace
}  // namespace hearth::config
