#include "proxy/model/message.h"

#include <algorithm>

namespace hearth::proxy {

namespace {

constexpr std::array<std::string_view, 9> kMethodNames = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"};

struct KnownHeader {
    std::string_view name;  // lower case
    HeaderId id;
};

constexpr std::array kKnownHeaders = {
    KnownHeader{"accept", HeaderId::kAccept},
    KnownHeader{"connection", HeaderId::kConnection},
    KnownHeader{"content-length", HeaderId::kContentLength},
    KnownHeader{"content-type", HeaderId::kContentType},
    KnownHeader{"expect", HeaderId::kExpect},
    KnownHeader{"forwarded", HeaderId::kForwarded},
    KnownHeader{"host", HeaderId::kHost},
    KnownHeader{"keep-alive", HeaderId::kKeepAlive},
    KnownHeader{"proxy-authenticate", HeaderId::kProxyAuthenticate},
    KnownHeader{"proxy-authorization", HeaderId::kProxyAuthorization},
    KnownHeader{"proxy-connection", HeaderId::kProxyConnection},
    KnownHeader{"referer", HeaderId::kReferer},
    KnownHeader{"te", HeaderId::kTe},
    KnownHeader{"trailer", HeaderId::kTrailer},
    KnownHeader{"transfer-encoding", HeaderId::kTransferEncoding},
    KnownHeader{"upgrade", HeaderId::kUpgrade},
    KnownHeader{"user-agent", HeaderId::kUserAgent},
    KnownHeader{"x-forwarded-for", HeaderId::kXForwardedFor},
    KnownHeader{"x-forwarded-host", HeaderId::kXForwardedHost},
    KnownHeader{"x-forwarded-port", HeaderId::kXForwardedPort},
    KnownHeader{"x-forwarded-proto", HeaderId::kXForwardedProto},
    KnownHeader{"x-real-ip", HeaderId::kXRealIp},
};

constexpr std::size_t kLongestKnown = 19;

// Candidates by length, so that a name is compared with two or three others at most.
constexpr auto kByLength = [] {
    std::array<std::array<std::uint8_t, 4>, kLongestKnown + 1> table{};
    for (auto& row : table) row.fill(0xff);
    for (std::size_t i = 0; i < kKnownHeaders.size(); ++i) {
        auto& row = table[kKnownHeaders[i].name.size()];
        std::size_t slot = 0;
        while (row[slot] != 0xff) ++slot;
        row[slot] = static_cast<std::uint8_t>(i);
    }
    return table;
}();

// `lower` is lower case and of the same length. Header names are tokens: setting the
// case bit folds letters and leaves '-' and digits alone.
bool equals_folded(std::string_view name, std::string_view lower) noexcept {
    for (std::size_t i = 0; i < name.size(); ++i) {
        if ((name[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

}  // namespace

Method method_from(std::string_view text) noexcept {
    for (std::size_t i = 0; i < kMethodNames.size(); ++i) {
        if (text == kMethodNames[i]) return static_cast<Method>(i);
    }
    return Method::kOther;
}

std::string_view to_string(Method method) noexcept {
    const auto index = static_cast<std::size_t>(method);
    return index < kMethodNames.size() ? kMethodNames[index] : "other";
}

std::string_view to_string(Version version) noexcept {
    switch (version) {
        case Version::kHttp10: return "HTTP/1.0";
        case Version::kHttp11: return "HTTP/1.1";
        case Version::kHttp2: return "HTTP/2.0";
    }
    return "HTTP/1.1";
}

bool is_idempotent(Method method) noexcept {
    switch (method) {
        case Method::kGet:
        case Method::kHead:
        case Method::kPut:
        case Method::kDelete:
        case Method::kOptions:
        case Method::kTrace: return true;
        default: return false;
    }
}

bool is_safe(Method method) noexcept {
    switch (method) {
        case Method::kGet:
        case Method::kHead:
        case Method::kOptions:
        case Method::kTrace: return true;
        default: return false;
    }
}

HeaderId header_id(std::string_view name) noexcept {
    if (name.size() > kLongestKnown) return HeaderId::kOther;
    for (const std::uint8_t index : kByLength[name.size()]) {
        if (index == 0xff) break;
        const KnownHeader& known = kKnownHeaders[index];
        if (equals_folded(name, known.name)) return known.id;
    }
    return HeaderId::kOther;
}

const HeaderField* HeaderTable::find(HeaderId id) const noexcept {
    const auto all = fields();
    const auto it = std::find_if(all.begin(), all.end(),
                                 [id](const HeaderField& field) { return field.id == id; });
    return it == all.end() ? nullptr : &*it;
}

}  // namespace hearth::proxy
