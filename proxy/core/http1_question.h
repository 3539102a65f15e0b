#pragma once

#include <string>

namespace hearth::proxy {

// How upstreams are asked whether they are well; the connection ends with it.
[[nodiscard]] inline std::string probe_question(const std::string& host, const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host +
           "\r\nUser-Agent: hearth-proxy\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

}  // namespace hearth::proxy
