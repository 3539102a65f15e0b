#include "base/mac.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(MacAddress, RoundTrips) {
    EXPECT_EQ(MacAddress::parse("AA-bb-cc-dd-ee-0f"), MacAddress::parse("aa:bb:cc:dd:ee:0f"));
    EXPECT_EQ(MacAddress::parse("aa:bb:cc:dd:ee:0f")->to_string(), "aa:bb:cc:dd:ee:0f");
    for (const char* bad :
         {"", "aa:bb:cc:dd:ee", "aa:bb:cc-dd:ee:ff", "aabbccddeeff00000", "ag:bb:cc:dd:ee:ff"})
        EXPECT_FALSE(MacAddress::parse(bad)) << bad;
}

}  // namespace
}  // namespace hearth
