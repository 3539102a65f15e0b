#include "dns/core/answer_options.h"

#include <algorithm>

#include "dns/model/protocol.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kOptionHead = 4;  // code and length

void head(ByteWriter& out, EdnsOption code, std::size_t size) noexcept {
    out.u16(static_cast<std::uint16_t>(code));
    out.u16(static_cast<std::uint16_t>(size));
}

}  // namespace

std::size_t AnswerOptions::size() const noexcept {
    std::size_t octets = 0;
    if (has_cookie) octets += kOptionHead + cookie.size();
    if (!nsid.empty()) octets += kOptionHead + nsid.size();
    if (keepalive != 0) octets += kOptionHead + 2;
    return octets;
}

void AnswerOptions::write(ByteWriter& out) const noexcept {
    if (has_cookie) {
        head(out, EdnsOption::kCookie, cookie.size());
        out.bytes(cookie);
    }
    if (!nsid.empty()) {
        head(out, EdnsOption::kNsid, nsid.size());
        out.bytes(as_bytes(nsid));
    }
    if (keepalive != 0) {
        head(out, EdnsOption::kTcpKeepalive, 2);
        out.u16(keepalive);
    }
}

std::size_t AnswerOptions::padding_after(std::size_t size, std::size_t limit) const noexcept {
    if (padding_block == 0 || size + kOptionHead > limit) return 0;
    const std::size_t blocks = (size + kOptionHead + padding_block - 1) / padding_block;
    return std::min(blocks * padding_block, limit) - size;
}

}  // namespace hearth::dns
