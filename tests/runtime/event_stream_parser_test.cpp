#include "runtime/event_stream_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::runtime {
namespace {

TEST(EventStreamParser, SameEventsHoweverTheStreamIsSplit) {
    const std::string stream =
        ": comment\n\nevent: health\ndata: {\"healthy\":true}\n\nid: 7\nevent:log\ndata:x: y\n\n\n"
        "event: cut\ndata: off";
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        std::vector<std::pair<std::string, std::string>> events;
        const auto keep = [&](const ControlEvent& e) { events.emplace_back(e.topic, e.data); };
        EventStreamParser parser;
        ASSERT_TRUE(parser.feed(stream.substr(0, split), keep));
        ASSERT_TRUE(parser.feed(stream.substr(split), keep));
        const std::vector<std::pair<std::string, std::string>> expected = {
            {"health", "{\"healthy\":true}"}, {"log", "x: y"}};
        ASSERT_EQ(events, expected) << split;
    }
}

TEST(EventStreamParser, RefusesAnEndlessLine) {
    EventStreamParser parser;
    const std::string piece(1 << 20, 'x');
    const auto ignore = [](const ControlEvent&) {};
    EXPECT_TRUE(parser.feed(piece, ignore));
    EXPECT_TRUE(parser.feed(piece, ignore));
    EXPECT_FALSE(parser.feed("x", ignore));
}

}  // namespace
}  // namespace hearth::runtime
