#include "dns/io/upstream_sockets.h"

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "dns/model/protocol.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using Clock = std::chrono::steady_clock;

constexpr unsigned kQuestionsPerPort = 64;
constexpr Duration kLateAnswers = 5s;
constexpr Duration kIdle = 30s;
constexpr int kDatagramsPerWakeup = 64;

udp::endpoint to_asio(const Endpoint& endpoint) {
    const auto address = runtime::to_socket_address(endpoint);
    udp::endpoint result;
    std::memcpy(result.data(), &address.any, address.size);
    result.resize(address.size);
    return result;
}

struct Port {
    explicit Port(asio::io_context& context) : socket(context) {}

    udp::socket socket;
    UpstreamIndex upstream = 0;
    unsigned slot = 0;
    unsigned questions = 0;
    Clock::time_point last_used;
};

}  // namespace

struct UpstreamSockets::Impl : std::enable_shared_from_this<Impl> {
    Impl(asio::io_context& c, OnDatagram handler) : context(c), on_datagram(std::move(handler)) {}

    std::shared_ptr<Port> open(const Endpoint& endpoint, UpstreamIndex upstream, unsigned slot) {
        const auto port = std::make_shared<Port>(context);
        const auto remote = to_asio(endpoint);
        boost::system::error_code error;
        port->socket.open(remote.protocol(), error);
        if (!error) port->socket.non_blocking(true, error);
        if (!error) port->socket.connect(remote, error);
        if (error) return nullptr;
        port->upstream = upstream;
        port->slot = slot;
        wait(port);
        return port;
    }

    void wait(const std::shared_ptr<Port>& port) {
        port->socket.async_wait(udp::socket::wait_read,
                                [self = shared_from_this(), port](boost::system::error_code error) {
                                    if (!error && self->on_datagram) self->drain(port);
                                });
    }

    void drain(const std::shared_ptr<Port>& port) {
        for (int i = 0; i < kDatagramsPerWakeup; ++i) {
            boost::system::error_code error;
            const std::size_t size = port->socket.receive(asio::buffer(buffer), 0, error);
            if (error == asio::error::would_block) break;
            // A refusal by ICMP is one more lost question; timeouts see to it.
            if (error) continue;
            on_datagram(port->upstream, port->slot, ByteView(buffer).first(size));
            if (!on_datagram) return;
        }
        wait(port);
    }

    asio::io_context& context;
    OnDatagram on_datagram;
    std::unordered_map<std::uint32_t, std::shared_ptr<Port>> ports;
    std::vector<std::shared_ptr<Port>> replaced;
    std::array<std::uint8_t, 4096> buffer;
};

UpstreamSockets::UpstreamSockets(runtime::EventLoop& loop, OnDatagram on_datagram)
    : impl_(std::make_shared<Impl>(loop.context(), std::move(on_datagram))) {}

UpstreamSockets::~UpstreamSockets() {
    impl_->on_datagram = nullptr;
    boost::system::error_code ignored;
    for (const auto& [key, port] : impl_->ports) port->socket.close(ignored);
    for (const auto& port : impl_->replaced) port->socket.close(ignored);
}

void UpstreamSockets::send(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                           ByteView packet) {
    auto& port = impl_->ports[static_cast<std::uint32_t>(upstream) << 16 | slot];
    if (port && port->questions >= kQuestionsPerPort) impl_->replaced.push_back(std::move(port));
    if (!port) port = impl_->open(endpoint, upstream, slot);
    if (!port) return;
    ++port->questions;
    port->last_used = Clock::now();
    boost::system::error_code error;
    port->socket.send(asio::buffer(packet.data(), packet.size()), 0, error);
    // The first send after an ICMP refusal reports that refusal and sends nothing.
    if (error == asio::error::connection_refused)
        port->socket.send(asio::buffer(packet.data(), packet.size()), 0, error);
}

void UpstreamSockets::tidy() {
    const auto now = Clock::now();
    boost::system::error_code ignored;
    std::erase_if(impl_->replaced, [&](const auto& port) {
        if (now - port->last_used < kLateAnswers) return false;
        port->socket.close(ignored);
        return true;
    });
    std::erase_if(impl_->ports, [&](const auto& entry) {
        if (entry.second && now - entry.second->last_used < kIdle) return false;
        if (entry.second) entry.second->socket.close(ignored);
        return true;
    });
}

}  // namespace hearth::dns
