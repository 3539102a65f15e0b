#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::runtime {

class EventLoop;
class EventHub;

enum class ControlMethod : std::uint8_t { kGet, kPost };

struct ControlRequest {
    ControlMethod method = ControlMethod::kGet;
    std::string path;                                       // "/status", without the query
    std::map<std::string, std::string, std::less<>> query;  // decoded; the last of equal keys
    std::string body;                                       // at most 1 MiB
    uid_t uid = 0;                                          // of the caller (SO_PEERCRED)
    pid_t pid = 0;

    // The query's value, or `otherwise`.
    [[nodiscard]] std::string_view query_or(std::string_view key,
                                            std::string_view otherwise) const noexcept;
};

struct ControlResponse {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";

    [[nodiscard]] static ControlResponse json(std::string body, int status = 200);
    [[nodiscard]] static ControlResponse text(std::string body, int status = 200);
    // {"error": message}
    [[nodiscard]] static ControlResponse error(int status, std::string_view message);
};

// HTTP/1.1 on a Unix socket (mode 0660, group `hearth` where that exists): `curl --unix-socket`
// works. Callers are root, our own user, and members of the socket's group; others get 403.
// `GET /events` streams the hub. Requests have 10 s to arrive; at most 64 connections.
//
// Everything runs on its loop's thread. Handlers must not block; slow work answers later.
class ControlServer {
public:
    // Answers one request: call it once, from any thread. If it is destroyed unused the caller gets
    // 500.
    using Reply = std::function<void(ControlResponse)>;
    using Handler = std::function<ControlResponse(const ControlRequest&)>;
    using AsyncHandler = std::function<void(ControlRequest, Reply)>;

    // Listens at once, so that callers queue; serves when the loop runs. Errors as
    // Acceptor::listen.
    [[nodiscard]] static Result<std::unique_ptr<ControlServer>> listen(
        EventLoop& loop, EventHub& events, const std::filesystem::path& path);
    ~ControlServer();

    // Before the loop runs, or on it. `path` matches exactly; the last registration wins.
    void route(ControlMethod method, std::string path, Handler handler);
    void route_async(ControlMethod method, std::string path, AsyncHandler handler);

private:
    struct Impl;
    explicit ControlServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
