#include "lb/bind/peer_key.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hearth::lb {
namespace {

namespace fs = std::filesystem;

class PeerKeyTest : public testing::Test {
protected:
    void SetUp() override {
        path_ = fs::temp_directory_path() / ("hearth-peer-key-" + std::to_string(getpid()));
    }
    void TearDown() override { fs::remove(path_); }

    Result<PeerKey> read(const std::string& text, fs::perms mode = fs::perms::owner_read) {
        fs::remove(path_);
        std::ofstream(path_) << text;
        fs::permissions(path_, mode);
        return read_peer_key(path_.string());
    }

    fs::path path_;
};

TEST_F(PeerKeyTest, ReadsSixtyFourDigits) {
    const auto key = read("00ff" + std::string(60, '1') + "\n");
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ((*key)[0], 0x00);
    EXPECT_EQ((*key)[1], 0xff);
    EXPECT_EQ((*key)[31], 0x11);
}

TEST_F(PeerKeyTest, RefusesWhatIsNoKey) {
    for (const auto& text : {std::string(), std::string(63, '1'), std::string(65, '1'),
                             std::string(62, '1') + "0x", std::string(62, '1') + "-1"})
        EXPECT_FALSE(read(text)) << text;
}

TEST_F(PeerKeyTest, RefusesOneThatEverybodyMayRead) {
    const auto key = read(std::string(64, '1'), fs::perms::owner_read | fs::perms::others_read);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::kRefused);
}

TEST_F(PeerKeyTest, SaysHowToMakeAMissingOne) {
    const auto key = read_peer_key(path_.string());
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::kNotFound);
    EXPECT_NE(key.error().detail.find("hearth peer keygen"), std::string::npos);
}

}  // namespace
}  // namespace hearth::lb
