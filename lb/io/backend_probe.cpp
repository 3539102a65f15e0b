#include "lb/io/backend_probe.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "lb/core/http_status.h"
#include "lb/io/script_runner.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::lb {
namespace {

namespace asio = boost::asio;
using Code = boost::system::error_code;
using Kind = BackendCheck::Kind;

Endpoint where(const CheckTarget& target) {
    const auto& [endpoint, check] = target;
    return {endpoint.address, check.port == 0 ? endpoint.port : check.port};
}

std::string host_of(const CheckTarget& target) {
    if (!target.check.host.empty()) return target.check.host;
    const IpAddress& address = target.endpoint.address;
    return address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
}

// Whatever certificate it shows: the question is whether it serves.
asio::ssl::context& tls_context() {
    static asio::ssl::context context(asio::ssl::context::tls_client);
    return context;
}

// A connection, and with kHttp and kHttps a page.
struct Visit : std::enable_shared_from_this<Visit> {
    Visit(runtime::EventLoop& loop, const CheckTarget& t, std::function<void(Answered)> d)
        : target(t),
          stream(loop.context(), tls_context()),
          timer(loop.context()),
          done(std::move(d)) {}

    asio::ip::tcp::socket& socket() { return stream.next_layer(); }

    // Goes on with `next` unless the step before failed or time is up.
    auto step(void (Visit::*next)()) {
        return [self = shared_from_this(), next](const Code& error, auto...) {
            if (!self->done) return;
            if (error) return self->finish(Answered::kNo);
            (self.get()->*next)();
        };
    }

    void begin() {
        timer.expires_after(target.check.timeout);
        timer.async_wait([self = shared_from_this()](const Code& error) {
            if (!error) self->finish(Answered::kNo);
        });
        const auto address = runtime::to_socket_address(where(target));
        asio::ip::tcp::endpoint endpoint;
        endpoint.resize(address.size);
        std::memcpy(endpoint.data(), &address.any, address.size);
        socket().async_connect(endpoint, step(&Visit::connected));
    }

    void connected() {
        if (target.check.kind == Kind::kTcp) return finish(Answered::kYes);
        if (target.check.kind == Kind::kHttp) return request();
        const std::string& name = target.check.host;
        if (!name.empty()) SSL_set_tlsext_host_name(stream.native_handle(), name.c_str());
        stream.async_handshake(asio::ssl::stream_base::client, step(&Visit::request));
    }
    void request() {
        text = "GET " + target.check.path + " HTTP/1.1\r\nHost: " + host_of(target) +
               "\r\nUser-Agent: hearth-lb\r\nConnection: close\r\n\r\n";
        if (target.check.kind == Kind::kHttp)
            asio::async_write(socket(), asio::buffer(text), step(&Visit::read_head));
        else
            asio::async_write(stream, asio::buffer(text), step(&Visit::read_head));
    }
    void read_head() {
        const auto into = asio::buffer(head);
        const auto enough = asio::transfer_at_least(kStatusLineOctets);
        if (target.check.kind == Kind::kHttp)
            asio::async_read(socket(), into, enough, step(&Visit::judge));
        else
            asio::async_read(stream, into, enough, step(&Visit::judge));
    }
    void judge() {
        const auto status = http_status(as_text(ByteView(head)));
        finish(status && *status >= 200 && *status < 400 ? Answered::kYes : Answered::kNo);
    }

    void finish(Answered answered) {
        Code ignored;
        socket().close(ignored);
        timer.cancel();
        if (auto call = std::exchange(done, nullptr)) call(answered);
    }

    CheckTarget target;
    asio::ssl::stream<asio::ip::tcp::socket> stream;
    asio::steady_timer timer;
    std::function<void(Answered)> done;
    std::string text;
    std::array<std::uint8_t, kStatusLineOctets> head{};
};

}  // namespace

void ask_backend(runtime::EventLoop& loop, ScriptRunner& scripts, const CheckTarget& target,
                 std::function<void(Answered)> done) {
    const Endpoint endpoint = where(target);
    switch (target.check.kind) {
        case Kind::kTcp:
        case Kind::kHttp:
        case Kind::kHttps: return std::make_shared<Visit>(loop, target, std::move(done))->begin();
        case Kind::kDns:
            return ask_soa(loop, endpoint, target.check.name, target.check.timeout, std::move(done),
                           SoaServer::kOther);
        case Kind::kScript:
            return scripts.run(
                {target.check.script, endpoint.address.to_string(), std::to_string(endpoint.port)},
                target.check.timeout, [done = std::move(done)](ScriptResult result) {
                    done(result == ScriptResult::kGood ? Answered::kYes : Answered::kNo);
                });
    }
}

}  // namespace hearth::lb
