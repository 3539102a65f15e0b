#include "lb/core/http_status.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

TEST(HttpStatus, IsReadFromTheFirstTwelveOctets) {
    EXPECT_EQ(http_status("HTTP/1.1 200 OK\r\n"), 200);
    EXPECT_EQ(http_status("HTTP/1.0 503"), 503);
    for (const char* other :
         {"", "HTTP/1.1 20", "HTTP/2.0 200", "HTTP/1.1200 ", "HTTP/1.1 2x0", "SSH-2.0-OpenSSH"})
        EXPECT_FALSE(http_status(other)) << other;
}

}  // namespace
}  // namespace hearth::lb
