#include "proxy/core/trailers.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

TEST(Trailers, BecomeLines) {
    std::string lines;
    append_trailer(lines, "grpc-status", " 0 ");
    append_trailer(lines, "x-other", "1");
    append_trailer(lines, "grpc-message", "a\r\nb");
    append_trailer(lines, "Grpc-Message", "a");
    append_trailer(lines, "grpc-message", std::string(kMaxTrailers, 'x'));
    EXPECT_EQ(lines, "grpc-status: 0\r\n");
}

TEST(Trailers, OfGrpcAreWhateverTheServiceSays) {
    for (const char* name : {"grpc-status", "x-other", "x-octets-bin"})
        EXPECT_TRUE(may_forward_trailer(name, TrailerRule::kMetadata)) << name;
    for (const char* name : {"content-length", "transfer-encoding", "host", "connection", "te",
                             "trailer", "set-cookie", "x-forwarded-for", "forwarded"})
        EXPECT_FALSE(may_forward_trailer(name, TrailerRule::kMetadata)) << name;
    EXPECT_FALSE(may_forward_trailer("x-other", TrailerRule::kResults));
}

TEST(Trailers, GrpcIsAMediaType) {
    for (const char* type : {"application/grpc", "Application/gRPC", "application/grpc+proto",
                             "application/grpc; charset=utf-8"})
        EXPECT_TRUE(is_grpc(type)) << type;
    for (const char* type : {"application/grpc-web", "application/grpc-web+proto", "text/html", ""})
        EXPECT_FALSE(is_grpc(type)) << type;
}

}  // namespace
}  // namespace hearth::proxy
