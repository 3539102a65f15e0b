#pragma once

#include <string>

#include "base/proxy_protocol.h"

namespace hearth::proxy {

// Ahead of a question, where a PROXY header is expected: that the connection is no client's.
[[nodiscard]] inline std::string header_of_nobody(ProxyProtocol version) {
    using namespace std::string_literals;
    switch (version) {
        case ProxyProtocol::kNone: return {};
        case ProxyProtocol::kV1: return "PROXY UNKNOWN\r\n";
        case ProxyProtocol::kV2: break;
    }
    return "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;  // LOCAL, without addresses
}

// How upstreams are asked whether they are well; the connection ends with it.
[[nodiscard]] inline std::string probe_question(const std::string& host, const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host +
           "\r\nUser-Agent: hearth-proxy\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

}  // namespace hearth::proxy
