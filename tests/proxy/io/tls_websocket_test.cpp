#include "proxy/io/tls_websocket.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

TEST(WebSocket, TheExampleOfTheRfc) {  // RFC 6455 §1.3
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

// What openssl says to the same; they cross the ends of SHA-1's blocks.
TEST(WebSocket, KeysOfOtherLengths) {
    EXPECT_EQ(websocket_accept(""), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
    EXPECT_EQ(websocket_accept(std::string(19, 'k')), "tWclcP21hrR+xgjYVswtQRW71GQ=");
    EXPECT_EQ(websocket_accept(std::string(20, 'k')), "tSsjsIAvEVIQ+IC5K8+T/OkG8nU=");
    EXPECT_EQ(websocket_accept(std::string(28, 'k')), "x9bmfLYIxLMaaT5h0sFuRlAhhb8=");
}

}  // namespace
}  // namespace hearth::proxy
