#include "proxy/core/cookies.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

std::string_view find(std::string_view field, std::string_view name = "at") {
    HeaderTable headers;
    headers.add({"Accept", "at=accept", HeaderId::kAccept});
    headers.add({"cookie", field, HeaderId::kOther});
    return cookie_value(headers, name);
}

TEST(Cookies, FindsTheFirstOfThatName) {
    EXPECT_EQ(find("at=1"), "1");
    EXPECT_EQ(find("a=2; at=1; at=3"), "1");
    EXPECT_EQ(find("a=2;at=1"), "1");
    EXPECT_EQ(find(" at=\"1\" ;b"), "1");
    EXPECT_EQ(find("at=a=b"), "a=b");
}

TEST(Cookies, AnotherNameIsAnotherCookie) {
    for (const char* field : {"", ";", "at", "AT=1", "bat=1", "at =1", "x=at=1", "=at"})
        EXPECT_EQ(find(field), "") << field;
}

}  // namespace
}  // namespace hearth::proxy
