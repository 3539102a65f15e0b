#include "proxy/core/http2_response.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

std::string text_of(const Http2Fields& fields) {
    std::string text;
    for (const Http2Field& field : fields.all())
        text.append(field.name).append("=").append(field.value).append("|");
    return text;
}

TEST(Http2Response, AHeadBecomesFields) {
    std::string head =
        "HTTP/1.1 404 Not Found: really\r\nContent-Type: text/html\r\nX-Empty: \r\n"
        "Connection: close\r\nTransfer-Encoding: chunked\r\nX-Colon: a:b\r\n\r\n";
    Http2Fields fields;
    fields.split_head(head);
    EXPECT_EQ(fields.status(), 404);
    EXPECT_EQ(text_of(fields), ":status=404|content-type=text/html|x-empty=|x-colon=a:b|");
}

TEST(Http2Response, SwitchingProtocolsIsSuccess) {
    std::string head =
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    Http2Fields fields;
    fields.split_head(head);
    EXPECT_EQ(fields.status(), 200);
    EXPECT_EQ(text_of(fields), ":status=200|sec-websocket-protocol=chat|");
}

TEST(Http2Response, TrailersBecomeFields) {
    std::string lines = "Grpc-Status: 0\r\ngrpc-message: all is well\r\n";
    Http2Fields fields;
    fields.split_trailers(lines);
    EXPECT_EQ(text_of(fields), "grpc-status=0|grpc-message=all is well|");
}

TEST(Http2Response, MoreFieldsThanFitAreCutOff) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 300; ++i) head += "a: b\r\n";
    Http2Fields fields;
    fields.split_head(head);
    EXPECT_EQ(fields.all().size(), HeaderTable::kCapacity + 32);
}

}  // namespace
}  // namespace hearth::proxy
