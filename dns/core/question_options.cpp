#include "dns/core/question_options.h"

namespace hearth::dns {
namespace {

bool is_encrypted(Transport transport) noexcept {
    return transport == Transport::kTls || transport == Transport::kHttps;
}

}  // namespace

std::optional<CookieState> read_options(const Snapshot& snapshot, const QueryContext& context,
                                        const QueryView& query, AnswerOptions& options) noexcept {
    CookieState cookie = CookieState::kNone;
    if (!query.has_edns || query.edns.options.empty()) return cookie;
    ByteReader reader(query.edns.options);
    while (reader.remaining() >= 4) {
        const auto code = static_cast<EdnsOption>(reader.u16());
        const ByteView data = reader.bytes(reader.u16());
        switch (code) {
            case EdnsOption::kCookie:
                if (!is_cookie_size(data.size())) return std::nullopt;
                if (!snapshot.cookie_secrets || options.has_cookie) break;  // the first one counts
                cookie = answer_cookie(data, context.path.client.address,
                                       static_cast<std::uint32_t>(context.wall_ms / 1000),
                                       *snapshot.cookie_secrets, options.cookie);
                options.has_cookie = true;
                break;
            case EdnsOption::kTcpKeepalive: options.keepalive = context.keepalive; break;
            case EdnsOption::kPadding:
                if (is_encrypted(context.path.transport)) options.padding_block = kPaddingBlock;
                break;
            case EdnsOption::kNsid:
                options.wants_nsid = snapshot.serves(context.path.client.address);
                if (options.wants_nsid) options.nsid = snapshot.nsid;
                break;
            case EdnsOption::kClientSubnet:  // never passed on
            case EdnsOption::kEde:
            case EdnsOption::kLoopTag: break;
        }
    }
    return cookie;
}

}  // namespace hearth::dns
