#include "cli/http_probe.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "cli/socket.h"

namespace hearth::cli {
namespace {

constexpr std::size_t kPolite = 256U << 10;

}  // namespace

std::optional<int> parse_status_line(std::string_view text) {
    const bool is_http = text.starts_with("HTTP/1.0 ") || text.starts_with("HTTP/1.1 ");
    if (!is_http || text.size() < 12) return std::nullopt;
    int status = 0;
    for (const char c : text.substr(9, 3)) {
        if (c < '0' || c > '9') return std::nullopt;
        status = status * 10 + (c - '0');
    }
    if (status < 100 || (text.size() > 12 && text[12] != ' ' && text[12] != '\r'))
        return std::nullopt;
    return status;
}

Result<HttpAnswer> get_page(const Endpoint& server, const std::string& host, Duration timeout) {
    const auto start = std::chrono::steady_clock::now();
    auto socket = Socket::connect(server, SOCK_STREAM, start + timeout);
    if (!socket) return fail(socket.error());
    const std::string request = "GET / HTTP/1.1\r\nHost: " + host +
                                "\r\nUser-Agent: hearth/" HEARTH_VERSION
                                "\r\nConnection: close\r\n\r\n";
    if (auto sent = socket->send(as_bytes(request)); !sent) return fail(sent.error());
    std::array<std::uint8_t, 4096> buffer;
    std::string head;
    while (head.size() < 13) {
        const auto size = socket->receive(buffer, start + timeout);
        if (!size) return fail(size.error());
        if (*size == 0) break;
        head += as_text({buffer.data(), *size});
    }
    const auto status = parse_status_line(head);
    if (!status) return fail(Errc::kInvalid, server.to_string(), "the answer is not HTTP/1.x");
    const HttpAnswer answer{*status, std::chrono::steady_clock::now() - start};
    // Taken to its end where it is short: some servers log a reset as their own failure.
    for (std::size_t left = kPolite; left > 0;) {
        const auto size = socket->receive(buffer, start + timeout);
        if (!size || *size == 0) break;
        left -= std::min(left, *size);
    }
    return answer;
}

}  // namespace hearth::cli
