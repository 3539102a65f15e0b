#include "runtime/snapshot.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hearth::runtime {
namespace {

TEST(Published, ReaderSeesTheNewStateAtItsNextLook) {
    Published<int> published(std::make_shared<const int>(1));
    Published<int>::Reader reader(published);
    const int& first = reader.get();
    EXPECT_EQ(first, 1);
    published.publish(std::make_shared<const int>(2));
    EXPECT_EQ(first, 1);  // still held
    EXPECT_EQ(reader.get(), 2);
    EXPECT_EQ(*published.load(), 2);
}

TEST(Published, NothingBeforeTheFirst) {
    Published<int> published;
    Published<int>::Reader reader(published);
    EXPECT_EQ(published.load(), nullptr);
    EXPECT_EQ(reader.pointer(), nullptr);
}

TEST(Published, OldStateGoesWithItsLastReader) {
    Published<int> published(std::make_shared<const int>(1));
    const std::weak_ptr<const int> old = published.load();
    Published<int>::Reader reader(published);
    static_cast<void>(reader.get());
    published.publish(std::make_shared<const int>(2));
    EXPECT_FALSE(old.expired());
    static_cast<void>(reader.get());
    EXPECT_TRUE(old.expired());
}

TEST(Published, ReadersOnOtherThreadsSeeWholeStates) {
    using State = std::vector<int>;
    Published<State> published(std::make_shared<const State>(100, 0));
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            Published<State>::Reader reader(published);
            int last = 0;
            while (!stop.load()) {
                const State& state = reader.get();
                EXPECT_EQ(state.front(), state.back());
                EXPECT_GE(state.front(), last);
                last = state.front();
            }
        });
    }
    for (int i = 1; i <= 1000; ++i) published.publish(std::make_shared<const State>(100, i));
    stop = true;
    for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace hearth::runtime
