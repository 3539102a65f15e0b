#include <array>
#include <utility>
#include <vector>

#include "dns/io/connection.h"
#include "dns/model/protocol.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kPrefix = 2;

class DnsConnection final : public Connection {
public:
    using Connection::Connection;

    void go_on() override {
        if (is_closed()) return;
        if (!kept_.empty()) {
            const auto rest = std::exchange(kept_, {});
            take(rest);
        }
        if (!is_closed() && !is_busy()) stream().resume();
    }

private:
    // What is whole is asked from where it lies; only the rest is copied.
    void take(ByteView octets) override {
        if (!kept_.empty()) {
            kept_.insert(kept_.end(), octets.begin(), octets.end());
            const auto whole = std::exchange(kept_, {});
            return take_whole(whole);
        }
        take_whole(octets);
    }

    void take_whole(ByteView octets) {
        while (octets.size() >= kPrefix && !is_busy()) {
            const std::size_t size = load_be16(octets.data());
            if (size < kHeaderSize) return close();
            if (octets.size() - kPrefix < size) break;
            ask(0, octets.subspan(kPrefix, size));
            if (is_closed()) return;
            octets = octets.subspan(kPrefix + size);
        }
        kept_.assign(octets.begin(), octets.end());
        if (is_busy()) stream().pause();
    }

    void send_answer(std::int32_t, ByteView answer) override {
        std::array<std::uint8_t, kPrefix> prefix{};
        store_be16(prefix.data(), static_cast<std::uint16_t>(answer.size()));
        message_.assign(prefix.begin(), prefix.end());
        message_.insert(message_.end(), answer.begin(), answer.end());
        write(message_);
    }

    void send_nothing(std::int32_t) override {}

    std::vector<std::uint8_t> kept_;  // the beginning of a question
    static thread_local std::vector<std::uint8_t> message_;
};

thread_local std::vector<std::uint8_t> DnsConnection::message_;

}  // namespace

std::shared_ptr<Connection> make_dns_connection(ConnectionHost& host, ConnectionParty party,
                                                std::unique_ptr<ByteStream> stream,
                                                runtime::ConnectionPermit permit) {
    return std::make_shared<DnsConnection>(host, std::move(party), std::move(stream),
                                           std::move(permit));
}

}  // namespace hearth::dns
