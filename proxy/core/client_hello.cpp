#include "proxy/core/client_hello.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "proxy/core/authority.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kHello = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kMostRecord = 16 * 1024;
constexpr std::uint16_t kServerName = 0;
constexpr std::uint8_t kHostName = 0;

using Octets = std::span<const std::uint8_t>;

// Takes fields off the front; once one is not there in full, nothing is any more.
class Fields {
public:
    explicit Fields(Octets octets) noexcept : left_(octets) {}

    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
    std::size_t number(std::size_t octets) noexcept {
        std::size_t value = 0;
        for (const std::uint8_t octet : take(octets)) value = value << 8 | octet;
        return value;
    }
    Octets take(std::size_t octets) noexcept {
        good_ = good_ && octets <= left_.size();
        if (!good_) return {};
        const Octets taken = left_.first(octets);
        left_ = left_.subspan(octets);
        return taken;
    }
    // A vector whose length stands in its first `octets` octets.
    Octets vector(std::size_t octets) noexcept { return take(number(octets)); }

private:
    Octets left_;
    bool good_ = true;
};

struct Message {
    ClientHello::State state = ClientHello::State::kNeedMore;
    std::string octets;  // the message's body
};

// Puts the message together from its records.
Message gather(Octets octets) {
    Message message;
    std::string all;
    const auto foreign = [&] {
        message.state = ClientHello::State::kForeign;
        return message;
    };
    while (!octets.empty()) {
        if (octets[0] != kHandshake || (octets.size() > 1 && octets[1] != 3)) return foreign();
        if (octets.size() < kRecordHeader) break;
        const std::size_t size = std::size_t{octets[3]} << 8 | octets[4];
        if (size == 0 || size > kMostRecord) return foreign();
        const Octets here =
            octets.subspan(kRecordHeader, std::min(size, octets.size() - kRecordHeader));
        all.append(reinterpret_cast<const char*>(here.data()), here.size());
        octets = octets.subspan(kRecordHeader + here.size());
        if (!all.empty() && all[0] != char{kHello}) return foreign();
        if (all.size() < kMessageHeader) continue;
        const auto length = std::size_t{static_cast<std::uint8_t>(all[1])} << 16 |
                            std::size_t{static_cast<std::uint8_t>(all[2])} << 8 |
                            std::size_t{static_cast<std::uint8_t>(all[3])};
        if (length > kMostClientHello - kMessageHeader) return foreign();
        if (all.size() < kMessageHeader + length) continue;
        message.octets = all.substr(kMessageHeader, length);
        message.state = ClientHello::State::kComplete;
        return message;
    }
    return message;
}

// nullopt: malformed. Names that are none of a host are as good as none.
std::optional<std::string> host_name(Octets extension) {
    Fields list(Fields(extension).vector(2));
    std::string name;
    while (!list.empty() && list.good()) {
        const std::size_t type = list.number(1);
        const Octets value = list.vector(2);
        if (type != kHostName || !name.empty()) continue;
        name.assign(reinterpret_cast<const char*>(value.data()), value.size());
    }
    if (!list.good() || name.empty()) return std::nullopt;
    if (name.ends_with('.')) name.pop_back();
    if (name.size() > kMaxHost || !all_of(name, octet_class::kHost)) return std::string{};
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    return name;
}

}  // namespace

ClientHello read_client_hello(std::span<const char> octets) {
    ClientHello hello;
    const Message message =
        gather({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
    hello.state = message.state;
    if (hello.state == ClientHello::State::kNeedMore && octets.size() >= kMostHelloOctets)
        hello.state = ClientHello::State::kForeign;
    if (hello.state != ClientHello::State::kComplete) return hello;
    Fields fields(
        {reinterpret_cast<const std::uint8_t*>(message.octets.data()), message.octets.size()});
    fields.take(2 + 32);  // legacy_version, random
    fields.vector(1);     // legacy_session_id
    fields.vector(2);     // cipher_suites
    fields.vector(1);     // legacy_compression_methods
    bool is_good = fields.good();
    Fields extensions(fields.empty() ? Octets{} : fields.vector(2));
    while (is_good && fields.good() && !extensions.empty()) {
        const std::size_t type = extensions.number(2);
        const Octets value = extensions.vector(2);
        if (!extensions.good()) break;
        if (type != kServerName) continue;
        const auto name = host_name(value);
        // Twice could mean one name to us and another to who comes next.
        is_good = name && hello.server_name.empty();
        if (is_good) hello.server_name = *name;
    }
    if (!is_good || !fields.good() || !fields.empty() || !extensions.good())
        return {ClientHello::State::kForeign, {}};
    return hello;
}

}  // namespace hearth::proxy
