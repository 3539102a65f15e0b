#include "runtime/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <fstream>
#include <iterator>

namespace hearth::runtime {
namespace {

class AtomicFileTest : public testing::Test {
protected:
    AtomicFileTest() {
        char name[] = "/tmp/hearth-file-XXXXXX";
        directory_ = ::mkdtemp(name);
        path_ = directory_ / "state.json";
    }
    ~AtomicFileTest() override { std::filesystem::remove_all(directory_); }
    [[nodiscard]] std::string content() const {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::ptrdiff_t entries() const {
        return std::distance(std::filesystem::directory_iterator(directory_), {});
    }

    std::filesystem::path directory_;
    std::filesystem::path path_;
};

TEST_F(AtomicFileTest, ReplacesTheWholeContent) {
    ASSERT_TRUE(write_file_atomically(path_, as_bytes("a long first content")));
    ASSERT_TRUE(write_file_atomically(path_, as_bytes("second"), 0600));
    EXPECT_EQ(content(), "second");
    EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0600));
    EXPECT_EQ(entries(), 1);
}

TEST_F(AtomicFileTest, WithoutCommitNothingHappens) {
    ASSERT_TRUE(write_file_atomically(path_, as_bytes("old")));
    {
        auto file = AtomicFile::create(path_);
        ASSERT_TRUE(file);
        ASSERT_TRUE(file->write(as_bytes("new")));
        EXPECT_EQ(content(), "old");
    }
    EXPECT_EQ(content(), "old");
    EXPECT_EQ(entries(), 1);
}

TEST_F(AtomicFileTest, FailedWriteLeavesTheOldContent) {
    ASSERT_TRUE(write_file_atomically(path_, as_bytes("old")));
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 4096;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto written = write_file_atomically(path_, as_bytes(std::string(8192, 'x')));
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_FALSE(written);
    EXPECT_EQ(content(), "old");
    EXPECT_EQ(entries(), 1);
}

TEST_F(AtomicFileTest, MissingDirectoryIsNamed) {
    const auto file = AtomicFile::create(directory_ / "missing" / "x");
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().where.find("missing"), std::string::npos);
}

}  // namespace
}  // namespace hearth::runtime
