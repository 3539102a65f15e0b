#include "proxy/io/upstream_pool.h"

#include <algorithm>

namespace hearth::proxy {

void UpstreamConnection::on_ready(std::uint32_t events) {
    if (!stream_.is_open()) return;
    stream_.note(events);
    if (user_ != nullptr) {
        user_->on_upstream_ready();
    } else if (stream_.readable()) {
        pool_.drop_idle(*this);  // its end, or an answer to no request
    }
}

void UpstreamConnection::on_deadline() { pool_.drop_idle(*this); }

UpstreamPool::~UpstreamPool() = default;

std::unique_ptr<UpstreamConnection> UpstreamPool::take_idle(const Endpoint& endpoint, Check check) {
    const auto found = idle_.find(endpoint);
    if (found == idle_.end()) return nullptr;
    while (!found->second.empty()) {
        std::unique_ptr<UpstreamConnection> connection = std::move(found->second.back());
        found->second.pop_back();
        --idle_count_;
        timers_.set(*connection, kNever);
        if (check == Check::kKnownState || connection->stream_.is_quiet()) return connection;
        discard(std::move(connection));
    }
    return nullptr;
}

std::unique_ptr<UpstreamConnection> UpstreamPool::connect(const Endpoint& endpoint,
                                                          HopReason& why) {
    Stream stream = Stream::connect_to(endpoint, why);
    if (why != HopReason::kNone) return nullptr;
    auto connection = std::make_unique<UpstreamConnection>(*this, endpoint, std::move(stream));
    if (!poller_.add(connection->stream_.fd(), *connection)) {
        why = HopReason::kUnreachable;
        return nullptr;
    }
    return connection;
}

void UpstreamPool::keep(std::unique_ptr<UpstreamConnection> connection, TimePoint until) {
    Idle& idle = idle_[connection->endpoint_];
    if (connection->stream_.readable() || idle.size() >= kMaxIdlePerEndpoint) {
        return discard(std::move(connection));
    }
    connection->user_ = nullptr;
    timers_.set(*connection, until);
    idle.push_back(std::move(connection));
    ++idle_count_;
}

void UpstreamPool::discard(std::unique_ptr<UpstreamConnection> connection) {
    connection->user_ = nullptr;
    timers_.set(*connection, kNever);
    poller_.remove(connection->stream_.fd());
    connection->stream_.close();
    dead_.push_back(std::move(connection));
}

void UpstreamPool::drop_idle(UpstreamConnection& connection) {
    Idle& idle = idle_[connection.endpoint_];
    const auto it = std::find_if(idle.begin(), idle.end(),
                                 [&](const auto& kept) { return kept.get() == &connection; });
    if (it == idle.end()) return;
    std::unique_ptr<UpstreamConnection> owned = std::move(*it);
    idle.erase(it);
    --idle_count_;
    discard(std::move(owned));
}

void UpstreamPool::close_idle() {
    for (auto& [endpoint, idle] : idle_) {
        for (auto& connection : idle) discard(std::move(connection));
    }
    idle_.clear();
    idle_count_ = 0;
}

}  // namespace hearth::proxy
