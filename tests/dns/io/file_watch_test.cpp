#include "dns/io/file_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

namespace hearth::dns {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
protected:
    FileWatchTest() { fs::create_directories(folder); }
    ~FileWatchTest() override { fs::remove_all(folder); }

    void write(const fs::path& path, const char* text) {
        std::ofstream(path, std::ios::app) << text;
    }
    // Lets the loop run until something changed; false after `patience`.
    bool is_told(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
        const int before = told;
        const auto end = std::chrono::steady_clock::now() + patience;
        while (told == before && std::chrono::steady_clock::now() < end)
            context.run_one_for(std::chrono::milliseconds(20));
        return told != before;
    }
    // What was noted before the test's own change.
    void settle() {
        while (is_told(std::chrono::milliseconds(400))) continue;
    }

    fs::path folder = fs::path(testing::TempDir()) /
                      ("file_watch_" + std::to_string(::getpid()) + "_" +
                       testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::path file = folder / "leases";
    boost::asio::io_context context;
    int told = 0;
    FileWatch watch{context, [this] { ++told; }};
};

TEST_F(FileWatchTest, TellsOfEachWayInWhichAFileChanges) {
    watch.watch({file.string()});
    settle();
    write(file, "made");
    EXPECT_TRUE(is_told());
    settle();
    write(file, " and written to");
    EXPECT_TRUE(is_told());
    settle();
    write(folder / "new", "x");
    fs::rename(folder / "new", file);
    EXPECT_TRUE(is_told());
    settle();
    fs::remove(file);
    EXPECT_TRUE(is_told());
}

TEST_F(FileWatchTest, WhatStandsBesideTheFileIsNotTold) {
    watch.watch({file.string()});
    settle();
    write(folder / "other", "x");
    EXPECT_FALSE(is_told(std::chrono::milliseconds(600)));
}

TEST_F(FileWatchTest, AFolderThatComesLaterIsFoundByLooking) {
    const fs::path later = folder / "later" / "leases";
    watch.watch({later.string()});
    fs::create_directory(later.parent_path());
    write(later, "x");
    watch.look();
    EXPECT_TRUE(is_told());
    settle();
    write(later, "y");
    EXPECT_TRUE(is_told());
}

}  // namespace
}  // namespace hearth::dns
