#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hearth::proxy {

enum class Method : std::uint8_t {
    kGet,
    kHead,
    kPost,
    kPut,
    kDelete,
    kOptions,
    kPatch,
    kTrace,
    kConnect,
    kOther,
};

[[nodiscard]] Method method_from(std::string_view text) noexcept;
// "other" for kOther: a label for metrics, not what was on the wire.
[[nodiscard]] std::string_view to_string(Method method) noexcept;
// RFC 9110 §9.2.2: sending it twice has the effect of sending it once.
[[nodiscard]] bool is_idempotent(Method method) noexcept;
// §9.2.1: it asks for no effect at all.
[[nodiscard]] bool is_safe(Method method) noexcept;

enum class Version : std::uint8_t { kHttp10, kHttp11, kHttp2 };
inline constexpr std::size_t kVersionCount = 3;

// As an access log tells it: "HTTP/1.1".
[[nodiscard]] std::string_view to_string(Version version) noexcept;

// The header fields that mean something to a proxy.
enum class HeaderId : std::uint8_t {
    kOther,
    kAccept,
    kConnection,
    kContentLength,
    kContentType,
    kExpect,
    kForwarded,
    kHost,
    kKeepAlive,
    kProxyAuthenticate,
    kProxyAuthorization,
    kProxyConnection,
    kReferer,
    kTe,
    kTrailer,
    kTransferEncoding,
    kUpgrade,
    kUserAgent,
    kXForwardedFor,
    kXForwardedHost,
    kXForwardedPort,
    kXForwardedProto,
    kXRealIp,
    kOwn,  // not a name: a field that we have set, forwarded as it is
};

[[nodiscard]] HeaderId header_id(std::string_view name) noexcept;

// Views into the buffer the message was parsed from.
struct HeaderField {
    std::string_view name;
    std::string_view value;  // without surrounding white space
    HeaderId id;
};

// Header fields in order of arrival. Fixed, so that a request allocates nothing.
class HeaderTable {
public:
    static constexpr std::size_t kCapacity = 128;

    [[nodiscard]] std::span<const HeaderField> fields() const noexcept {
        return {fields_.data(), size_};
    }
    [[nodiscard]] bool full() const noexcept { return size_ == kCapacity; }
    // The first field of that kind, or nullptr.
    [[nodiscard]] const HeaderField* find(HeaderId id) const noexcept;
    // Precondition: !full().
    void add(const HeaderField& field) noexcept { fields_[size_++] = field; }
    // Precondition: not empty.
    [[nodiscard]] HeaderField* last() noexcept { return &fields_[size_ - 1]; }
    void clear() noexcept { size_ = 0; }
    template <class Predicate>
    void remove_if(Predicate unwanted) noexcept {
        const auto end = std::remove_if(fields_.begin(), fields_.begin() + size_, unwanted);
        size_ = static_cast<std::size_t>(end - fields_.begin());
    }

private:
    std::size_t size_ = 0;
    std::array<HeaderField, kCapacity> fields_;  // those past size_ are never read
};

enum class BodyKind : std::uint8_t {
    kNone,
    kLength,
    kChunked,
    kUntilClose,  // responses only
    kTunnel,      // after 101: octets both ways until both sides have closed
};

// How the end of a body is known (RFC 9112 §6).
struct BodyFraming {
    BodyKind kind = BodyKind::kNone;
    std::uint64_t length = 0;  // with kLength

    friend bool operator==(const BodyFraming&, const BodyFraming&) = default;
};

// A request head; views into the connection's buffer, valid until it is reused.
struct RequestHead {
    Method method = Method::kOther;
    Version version = Version::kHttp11;
    std::string_view method_text;
    std::string_view target;     // origin-form or "*"; the path of an absolute-form, maybe empty
    std::string_view authority;  // of the absolute-form target or :authority, else the Host header
    BodyFraming body;            // HTTP/2 without a length: kChunked, as it is for the upstream
    bool keep_alive = true;      // the client is willing to send another request
    bool expects_continue = false;
    std::string_view upgrade;  // the protocol asked for, when Connection names it and we allow it
    HeaderTable headers;
};

struct ResponseHead {
    Version version = Version::kHttp11;
    int status = 0;
    std::string_view reason;
    bool keep_alive = true;  // the upstream is willing to take another request
    BodyFraming body;
    HeaderTable headers;
};

}  // namespace hearth::proxy
