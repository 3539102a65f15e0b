#include "proxy/core/grpc_health.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

using namespace std::string_literals;

AuthAnswer answer(std::string body) { return {200, {}, std::move(body)}; }

TEST(GrpcHealth, TheQuestion) {
    EXPECT_EQ(grpc_health_message("echo.Echo"),
              "\0\0\0\0\x0b\x0a\x09"
              "echo.Echo"s);
    EXPECT_EQ(grpc_health_message(""), "\0\0\0\0\0"s);
    EXPECT_EQ(grpc_health_head("echo.home", "echo.Echo"),
              "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: echo.home\r\n"
              "User-Agent: hearth-proxy\r\nContent-Type: application/grpc\r\n"
              "Content-Length: 16\r\n\r\n");
}

TEST(GrpcHealth, WhatItSays) {
    EXPECT_EQ(grpc_health_fault(answer("\0\0\0\0\2\x08\1"s)), "");
    EXPECT_EQ(grpc_health_fault(answer("\0\0\0\0\2\x08\2"s)), "is NOT_SERVING");
    EXPECT_EQ(grpc_health_fault(answer("\0\0\0\0\2\x08\3"s)), "is SERVICE_UNKNOWN");
    EXPECT_EQ(grpc_health_fault(answer("\0\0\0\0\0"s)), "is UNKNOWN");
    EXPECT_EQ(grpc_health_fault(answer("\0\0\0\0\2\x08\x09"s)), "is 9");
}

TEST(GrpcHealth, FieldsOfLaterVersionsAreLeftOut) {
    EXPECT_EQ(
        grpc_health_fault(answer("\0\0\0\0\x17\x12\2hi\x1d\1\2\3\4\x21\1\2\3\4\5\6\7\x08\x08\1"
                                 "\x30\xff\1"s)),
        "");
}

TEST(GrpcHealth, ErrorsOfGrpcAndOfHttp) {
    EXPECT_EQ(grpc_health_fault({200, {{"grpc-status", "5"}}, ""}),
              "has no such service (gRPC NOT_FOUND)");
    EXPECT_EQ(grpc_health_fault({200, {{"grpc-status", "12"}}, ""}),
              "does not tell its health (gRPC UNIMPLEMENTED)");
    EXPECT_EQ(grpc_health_fault({200, {{"grpc-status", "14"}}, ""}), "answers with gRPC status 14");
    EXPECT_EQ(grpc_health_fault({404, {}, ""}), "answers 404 to gRPC");
}

TEST(GrpcHealth, WhatIsCutShortIsNoAnswer) {
    const std::string whole = "\0\0\0\0\6\x12\2hi\x08\1"s;
    ASSERT_EQ(grpc_health_fault(answer(whole)), "");
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_NE(grpc_health_fault(answer(whole.substr(0, size))), "") << size;
    EXPECT_NE(grpc_health_fault(answer(whole + "x")), "") << "a second message";
    EXPECT_NE(grpc_health_fault(answer("\1\0\0\0\2\x08\1"s)), "") << "compressed, unasked";
    for (const std::string& message : {"\x08"s, "\x08\xff"s, "\x12\5hi"s, "\x0b"s, "\x0f"s}) {
        const std::string body = "\0\0\0\0"s + static_cast<char>(message.size()) + message;
        EXPECT_NE(grpc_health_fault(answer(body)), "") << message;
    }
    EXPECT_NE(grpc_health_fault(answer("\0\0\0\0\x0b\x08"s + std::string(10, '\xff'))), "");
}

}  // namespace
}  // namespace hearth::proxy
