#include "runtime/control_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <vector>

#include "base/time.h"
#include "runtime/acceptor.h"
#include "runtime/control_session.h"
#include "runtime/control_target.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/peer_credentials.h"

namespace hearth::runtime {

namespace {

constexpr std::size_t kMaxConnections = 64;

}  // namespace

std::string_view ControlRequest::query_or(std::string_view key,
                                          std::string_view otherwise) const noexcept {
    const auto found = query.find(key);
    return found == query.end() ? otherwise : std::string_view(found->second);
}

ControlResponse ControlResponse::json(std::string body, int status) {
    return {status, std::move(body), "application/json"};
}

ControlResponse ControlResponse::text(std::string body, int status) {
    return {status, std::move(body), "text/plain; charset=utf-8"};
}

ControlResponse ControlResponse::error(int status, std::string_view message) {
    return json(boost::json::serialize(boost::json::value{{"error", message}}) + "\n", status);
}

struct ControlServer::Impl final : ControlRoutes {
    Impl(EventLoop& l, EventHub& e) : loop(&l), hub(&e) {}

    void dispatch(ControlRequest request, Reply reply) override {
        const auto found = routes.find({request.path, request.method});
        if (found != routes.end()) return found->second(std::move(request), std::move(reply));
        const bool other_method = std::any_of(routes.begin(), routes.end(), [&](const auto& route) {
            return route.first.first == request.path;
        });
        if (other_method) {
            return reply(ControlResponse::error(405, "this path has another method"));
        }
        reply(ControlResponse::error(404, "no such path: " + request.path));
    }
    EventHub& events() override { return *hub; }
    EventLoop& control_loop() override { return *loop; }

    void accept(AcceptedConnection connection);

    EventLoop* loop;
    EventHub* hub;
    std::map<std::pair<std::string, ControlMethod>, AsyncHandler> routes;
    std::unique_ptr<Acceptor> acceptor;
    std::vector<std::weak_ptr<ControlSession>> sessions;
    gid_t group = 0;  // of the socket file
};

void ControlServer::Impl::accept(AcceptedConnection connection) {
    const auto peer = peer_credentials(connection.socket.get());
    if (!peer) return;
    const bool allowed = is_trusted(*peer, group);
    if (!allowed) {
        log::info("control_refused", {{"uid", peer->uid}, {"pid", peer->pid}});
    }
    std::erase_if(sessions, [](const auto& session) { return session.expired(); });
    sessions.push_back(start_control_session(*this, std::move(connection), {peer->uid, peer->pid},
                                             allowed ? Admission::kAllowed : Admission::kRefused));
}

Result<std::unique_ptr<ControlServer>> ControlServer::listen(EventLoop& loop, EventHub& events,
                                                             const std::filesystem::path& path) {
    AcceptorOptions options;
    options.max_connections = kMaxConnections;
    auto acceptor = Acceptor::listen(loop, path, options);
    if (!acceptor) return fail(std::move(acceptor.error()));
    auto impl = std::make_shared<Impl>(loop, events);
    impl->acceptor = std::move(*acceptor);
    const auto group = share_with_group(path);
    if (!group) return fail(group.error());
    impl->group = *group;
    impl->acceptor->start(
        [raw = impl.get()](AcceptedConnection connection) { raw->accept(std::move(connection)); });
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
    impl_->acceptor.reset();
    for (const auto& weak : impl_->sessions) {
        if (const auto session = weak.lock()) close_control_session(*session);
    }
}

void ControlServer::route(ControlMethod method, std::string path, Handler handler) {
    route_async(method, std::move(path),
                [handler = std::move(handler)](const ControlRequest& request, const Reply& reply) {
                    reply(handler(request));
                });
}

void ControlServer::route_async(ControlMethod method, std::string path, AsyncHandler handler) {
    impl_->routes.insert_or_assign({std::move(path), method}, std::move(handler));
}

}  // namespace hearth::runtime
