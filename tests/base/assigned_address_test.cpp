#include "base/assigned_address.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(AssignedAddress, ComesBackAsItWasWritten) {
    const std::vector<AssignedAddress> all{
        {"mqtt", *IpAddress::parse("10.0.0.240"), 1, 1'700'000'000},
        {"mqtt", *IpAddress::parse("fd00::240"), 7, 0}};
    EXPECT_EQ(write_assigned(all), "mqtt 10.0.0.240 1 1700000000\nmqtt fd00::240 7 0\n");
    const auto read = parse_assigned("# for people\n\n" + write_assigned(all));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, all);
    EXPECT_TRUE(parse_assigned("")->empty());
}

TEST(AssignedAddress, AnythingElseIsRefusedWithItsLine) {
    for (const char* bad :
         {"mqtt", "mqtt 10.0.0.1", "mqtt 10.0.0.1 0 5", "mqtt 10.0.0.1 1 -5", "mqtt 10.0.0.1 1 5 6",
          "Mqtt 10.0.0.1 1 5", " 10.0.0.1 1 5", "mqtt 10.0.0 1 5", "mqtt 10.0.0.1 1 5x",
          "mqtt 10.0.0.1 99999999999 5"}) {
        const auto read = parse_assigned(std::string("x 10.0.0.2 1 1\n") + bad + "\n");
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().where, "line 2");
    }
}

}  // namespace
}  // namespace hearth
