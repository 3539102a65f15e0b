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

// What a trusted proxy said in the field, else `ours`.
void write_claim(HeadWriter& out, const RequestHead& head, const Peer& peer, HeaderId id,
                 std::string_view name, std::string_view ours) noexcept {
    const HeaderField* theirs = peer.trusted ? head.headers.find(id) : nullptr;
    const std::string_view value = theirs != nullptr ? theirs->value : ours;
    if (!value.empty()) out.field(name, value);
}

void write_forwarded(HeadWriter& out, const RequestHead& head, const Peer& peer,
                     const std::vector<IpPrefix>& trusted) noexcept {
    out << "X-Forwarded-For: ";
    if (peer.trusted) {
        for (const HeaderField& field : head.headers.fields()) {
            if (field.id == HeaderId::kXForwardedFor && !field.value.empty()) {
                out << field.value << ", ";
            }
        }
    }
    out << peer.text << "\r\n";
    write_claim(out, head, peer, HeaderId::kXForwardedProto, "X-Forwarded-Proto", peer.scheme);
    write_claim(out, head, peer, HeaderId::kXForwardedHost, "X-Forwarded-Host", head.authority);
    write_claim(out, head, peer, HeaderId::kXForwardedPort, "X-Forwarded-Port", {});
    if (peer.trusted) {
        out.field("X-Real-IP", client_address(head, peer, trusted).to_string());
    } else {
        out.field("X-Real-IP", peer.text);
    }
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
    constexpr std::size_t kLongest = 24;
    std::array<char, kLongest> folded{};
    const std::size_t size = std::min(name.size(), folded.size());
    for (std::size_t i = 0; i < size; ++i) {
        const char c = to_lower(name[i]);
        folded[i] = c == '_' || c == '.' ? '-' : c;
    }
    const std::string_view text(folded.data(), size);
    constexpr std::string_view kGuarded[] = {
        "x-forwarded", "x-real-ip",    "forwarded",     "remote-",        "x-remote-",
        "x-auth",      "x-webauth-",   "x-original-",   "x-client-ip",    "true-client-ip",
        "x-user",      "x-cluster-",   "authorization", "content-length", "transfer-encoding",
        "host",        "cf-connecting"};
    return std::any_of(std::begin(kGuarded), std::end(kGuarded),
                       [text](std::string_view guarded) { return text.starts_with(guarded); });
}

bool is_trusted(const IpAddress& address, const std::vector<IpPrefix>& trusted) noexcept {
    return std::any_of(trusted.begin(), trusted.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

IpAddress client_address(const RequestHead& head, const Peer& peer,
                         const std::vector<IpPrefix>& trusted) noexcept {
    IpAddress client = peer.address;
    if (!peer.trusted) return client;
    const auto fields = head.headers.fields();
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
        if (field->id != HeaderId::kXForwardedFor) continue;
        std::string_view list = field->value;
        while (!list.empty()) {
            const auto comma = list.rfind(',');
            const auto start = comma == std::string_view::npos ? 0 : comma + 1;
            const auto address = IpAddress::parse(trimmed(list.substr(start)));
            if (!address) return client;
            client = *address;
            if (!is_trusted(client, trusted)) return client;
            list = list.substr(0, start == 0 ? 0 : comma);
        }
    }
    return client;
}

std::size_t write_request_head(const RequestHead& head, const Peer& peer,
                               const std::vector<IpPrefix>& trusted, std::span<char> out) noexcept {
    HeadWriter writer(out);
    writer << head.method_text << " ";
    write_target(writer, head);
    writer << " HTTP/1.1\r\n";
    writer.field("Host", head.authority);
    const NamedInConnection named(head.headers);
    for (const HeaderField& field : head.headers.fields()) {
        if (is_dropped_from_request(field.id)) continue;
        if (field.id == HeaderId::kExpect && !head.expects_continue) continue;
        if (field.id == HeaderId::kOther && imitates_identity(field.name)) continue;
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
