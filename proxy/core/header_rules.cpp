#include "proxy/core/header_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "proxy/core/body_framing.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// Appends to memory it does not own; remembers when something did not fit.
class HeadWriter {
public:
    explicit HeadWriter(std::span<char> out) noexcept
        : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()) {}

    HeadWriter& operator<<(std::string_view text) noexcept {
        if (static_cast<std::size_t>(end_ - at_) < text.size()) {
            overflow_ = true;
            return *this;
        }
        at_ = std::copy(text.begin(), text.end(), at_);
        return *this;
    }
    HeadWriter& operator<<(std::uint64_t number) noexcept {
        std::array<char, 20> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        return *this << std::string_view(digits.data(),
                                         static_cast<std::size_t>(end - digits.data()));
    }
    void field(std::string_view name, std::string_view value) noexcept {
        *this << name << ": " << value << "\r\n";
    }
    [[nodiscard]] std::size_t size() const noexcept {
        return overflow_ ? 0 : static_cast<std::size_t>(at_ - begin_);
    }

private:
    char* begin_;
    char* at_;
    char* end_;
    bool overflow_ = false;
};

// Fields that belong to one connection (RFC 9110 §7.6.1), that we write ourselves, or that
// only a proxy's own peer may set.
bool is_dropped_from_request(HeaderId id) noexcept {
    switch (id) {
        case HeaderId::kOther:
        case HeaderId::kAccept:
        case HeaderId::kContentType:
        case HeaderId::kExpect:
        case HeaderId::kOwn:
        case HeaderId::kProxyAuthenticate:
        case HeaderId::kReferer:
        case HeaderId::kUserAgent: return false;
        default: return true;
    }
}

bool is_dropped_from_response(HeaderId id) noexcept {
    switch (id) {
        case HeaderId::kConnection:
        case HeaderId::kContentLength:
        case HeaderId::kKeepAlive:
        case HeaderId::kProxyAuthenticate:
        case HeaderId::kProxyConnection:
        case HeaderId::kTe:
        case HeaderId::kTrailer:
        case HeaderId::kTransferEncoding:
        case HeaderId::kUpgrade: return true;
        default: return false;
    }
}

// The Connection fields that name further fields; mostly there are none.
class NamedInConnection {
public:
    explicit NamedInConnection(const HeaderTable& headers) noexcept : headers_(headers) {
        for (const HeaderField& field : headers.fields()) {
            if (field.id != HeaderId::kConnection) continue;
            std::string_view list = field.value;
            for (auto token = take_element(list); !token.empty(); token = take_element(list)) {
                any_ |= !equals_ignoring_case(token, "close") &&
                        !equals_ignoring_case(token, "keep-alive") &&
                        !equals_ignoring_case(token, "upgrade");
            }
        }
    }
    [[nodiscard]] bool has(std::string_view name) const noexcept {
        if (!any_) return false;
        const auto fields = headers_.fields();
        return std::any_of(fields.begin(), fields.end(), [name](const HeaderField& field) {
            return field.id == HeaderId::kConnection && list_has(field.value, name);
        });
    }

private:
    const HeaderTable& headers_;
    bool any_ = false;
};

std::string_view without_leading_zeros(std::string_view digits) noexcept {
    const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    return digits.substr(first);
}

// The framing fields of a message that leaves with `kind`. A length is repeated as the sender
// gave it, for answers to HEAD have one and no body.
void write_framing(HeadWriter& out, const HeaderTable& headers, BodyKind kind) noexcept {
    if (kind == BodyKind::kChunked) {
        out << "Transfer-Encoding: chunked\r\n";
        return;
    }
    if (kind == BodyKind::kUntilClose || kind == BodyKind::kTunnel) return;
    const HeaderField* length = headers.find(HeaderId::kContentLength);
    if (length != nullptr) out.field("Content-Length", without_leading_zeros(length->value));
}

void write_forwarded(HeadWriter& out, const RequestHead& head, const Peer& peer,
                     const std::vector<IpPrefix>& trusted) {
    const Origin origin = origin_of(head, peer, trusted);
    if (peer.trusted) {
        out.field("X-Forwarded-For", passed_addresses(head, peer));
        if (origin.client == peer.address) {
            out.field("X-Real-IP", peer.text);
        } else {
            out.field("X-Real-IP", origin.client.to_string());
        }
    } else {
        out.field("X-Forwarded-For", peer.text);
        out.field("X-Real-IP", peer.text);
    }
    out.field("X-Forwarded-Proto", origin.scheme);
    out.field("X-Forwarded-Host", origin.host);
    if (!origin.port.empty()) out.field("X-Forwarded-Port", origin.port);
    if (peer.tell_forwarded) out.field("Forwarded", forwarded_field(head, peer));
}

// The beginning of a name in lower case, with '_' and '.' as frameworks read them.
class FoldedName {
public:
    explicit FoldedName(std::string_view name) noexcept : size_(std::min(name.size(), kLongest)) {
        for (std::size_t i = 0; i < size_; ++i) {
            const char c = to_lower(name[i]);
            text_[i] = c == '_' || c == '.' ? '-' : c;
        }
    }
    [[nodiscard]] bool starts_with_any(
        std::span<const std::string_view> beginnings) const noexcept {
        return std::any_of(beginnings.begin(), beginnings.end(),
                           [this](std::string_view one) { return text().starts_with(one); });
    }
    // Of names shorter than kLongest.
    [[nodiscard]] bool is_any_of(std::span<const std::string_view> names) const noexcept {
        return std::find(names.begin(), names.end(), text()) != names.end();
    }

private:
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

    static constexpr std::size_t kLongest = 24;
    std::array<char, kLongest> text_;
    std::size_t size_;
};

// Spellings of ours that only look like them are dropped whoever sends them.
bool is_forged(std::string_view name, const Peer& peer) noexcept {
    return imitates_identity(name) || (!peer.trusted && carries_identity(name));
}

void write_target(HeadWriter& out, const RequestHead& head) noexcept {
    if (head.target.empty()) {
        out << (head.method == Method::kOptions ? "*" : "/");
    } else if (head.target.front() == '?') {
        out << "/" << head.target;
    } else {
        out << head.target;
    }
}

}  // namespace

bool imitates_identity(std::string_view name) noexcept {
    if (equals_ignoring_case(name, "proxy")) return true;  // CGI's HTTP_PROXY
    if (name.find_first_of("_.") == std::string_view::npos) return false;
    const FoldedName folded(name);
    constexpr std::string_view kGuarded[] = {"x-forwarded",       "x-real-ip",     "forwarded",
                                             "x-original-",       "authorization", "content-length",
                                             "transfer-encoding", "host"};
    return folded.starts_with_any(kGuarded) || carries_identity(name);
}

bool carries_identity(std::string_view name) noexcept {
    // Most names begin otherwise: accept, sec-, user-agent.
    constexpr std::string_view kInitials = "cfrtx";
    if (name.empty() || kInitials.find(to_lower(name.front())) == std::string_view::npos)
        return false;
    // Whole names, because what begins so is a token of an application's own: X-Auth-Token,
    // X-User-Id.
    constexpr std::string_view kNames[] = {
        "x-user",      "x-user-name",  "x-user-email",  "x-user-groups", "x-username",
        "x-auth-user", "x-auth-name",  "x-auth-email",  "x-auth-groups", "x-auth-username",
        "x-scheme",    "x-url-scheme", "x-proxyuser-ip"};
    // X-Forwarded-* of ours are written behind the client's fields.
    constexpr std::string_view kBeginnings[] = {
        "remote-",       "x-remote-",       "x-forwarded",      "forwarded-",  "x-auth-request-",
        "x-authentik-",  "x-authelia-",     "x-webauth-",       "x-client-ip", "client-ip",
        "x-client-cert", "client-cert",     "x-cluster-client", "x-ssl-",      "true-client-ip",
        "cf-connecting", "cf-access-",      "fastly-client",    "x-original-", "x-originating-",
        "x-rewrite-url", "front-end-https", "tailscale-",       "x-vouch-",    "x-pomerium-"};
    const FoldedName folded(name);
    return folded.is_any_of(kNames) || folded.starts_with_any(kBeginnings);
}

std::size_t write_request_head(const RequestHead& head, const Peer& peer,
                               const std::vector<IpPrefix>& trusted, std::span<char> out) {
    HeadWriter writer(out);
    writer << head.method_text << " ";
    write_target(writer, head);
    writer << " HTTP/1.1\r\n";
    writer.field("Host", head.authority);
    const NamedInConnection named(head.headers);
    for (const HeaderField& field : head.headers.fields()) {
        if (is_dropped_from_request(field.id)) continue;
        if (field.id == HeaderId::kExpect && !head.expects_continue) continue;
        if (field.id == HeaderId::kOther && is_forged(field.name, peer)) continue;
        if (named.has(field.name)) continue;
        writer.field(field.name, field.value);
    }
    write_forwarded(writer, head, peer, trusted);
    write_framing(writer, head.headers, head.body.kind);
    if (!head.upgrade.empty()) {
        writer << "Connection: Upgrade\r\n";
        writer.field("Upgrade", head.upgrade);
    }
    writer << "\r\n";
    return writer.size();
}

std::size_t write_response_head(const ResponseHead& head, BodyKind out_body, Version client_version,
                                ClientConnection connection, std::span<char> out) noexcept {
    HeadWriter writer(out);
    writer << "HTTP/1.1 " << static_cast<std::uint64_t>(head.status) << " " << head.reason
           << "\r\n";
    const NamedInConnection named(head.headers);
    for (const HeaderField& field : head.headers.fields()) {
        if (is_dropped_from_response(field.id) || named.has(field.name)) continue;
        writer.field(field.name, field.value);
    }
    if (head.status >= 200 && head.status != 204) write_framing(writer, head.headers, out_body);
    if (connection == ClientConnection::kUpgrade) {
        writer << "Connection: Upgrade\r\n";
        const HeaderField* upgrade = head.headers.find(HeaderId::kUpgrade);
        if (upgrade != nullptr) writer.field("Upgrade", upgrade->value);
    } else if (head.status >= 200) {
        if (connection == ClientConnection::kClose) {
            writer << "Connection: close\r\n";
        } else if (client_version == Version::kHttp10) {
            writer << "Connection: keep-alive\r\n";
        }
    }
    writer << "\r\n";
    return writer.size();
}

}  // namespace hearth::proxy
