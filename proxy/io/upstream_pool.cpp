#include "proxy/io/upstream_pool.h"

#include <algorithm>
#include <utility>

namespace hearth::proxy {

namespace {

bool is_same(const std::shared_ptr<const UpstreamSecurity>& a,
             const std::shared_ptr<const UpstreamSecurity>& b) noexcept {
    return a == b || (a && b && *a == *b);
}

Http2UpstreamStream::As form_of(const UpstreamTarget& target) noexcept {
    return target.needs == UpstreamTarget::Needs::kTunnel ? Http2UpstreamStream::As::kTunnel
                                                          : Http2UpstreamStream::As::kRequest;
}

}  // namespace

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

std::optional<HopReason> UpstreamConnection::connect_result() {
    if (phase_ == Phase::kConnect) {
        if (!stream_.writable()) return std::nullopt;
        const HopReason why = stream_.connect_result();
        if (why != HopReason::kNone) return why;
        phase_ = Phase::kOpen;
        if (!send_preamble()) return HopReason::kReset;
        if (target_.security && target_.security->protocol == UpstreamProtocol::kHttps) {
            auto channel = pool_.tls_.connect(stream_.fd(), *target_.security,
                                              target_.needs == UpstreamTarget::Needs::kHttp1
                                                  ? TlsClientContext::Offer::kHttp1
                                                  : TlsClientContext::Offer::kHttp2Too);
            if (!channel) return HopReason::kTlsFailed;
            stream_.secure(std::move(channel));
            phase_ = Phase::kHandshake;
        }
    }
    if (phase_ == Phase::kHandshake) {
        const IoResult done = stream_.handshake();
        if (done.status == IoStatus::kWouldBlock) return std::nullopt;
        if (done.status != IoStatus::kMoved) {
            if (stream_.tls()->met_other()) return HopReason::kSpeaksNoTls;
            return stream_.tls()->lacks_protocol() ? HopReason::kNoTunnel : HopReason::kTlsFailed;
        }
        phase_ = Phase::kOpen;
    }
    return HopReason::kNone;
}

// It fits into an empty socket, or nothing does.
bool UpstreamConnection::send_preamble() noexcept {
    if (target_.preamble.empty()) return true;
    Outgoing out;
    out.add(target_.preamble);
    const IoResult sent = stream_.write(out);
    return sent.status == IoStatus::kMoved && sent.octets == target_.preamble.size();
}

bool UpstreamConnection::speaks_http2() const noexcept {
    if (!target_.security) return false;
    return stream_.is_secure() ? stream_.tls()->speaks_http2()
                               : target_.security->protocol == UpstreamProtocol::kH2c;
}

UpstreamPool::~UpstreamPool() = default;

Http2Upstream* UpstreamPool::shared_with_room(const UpstreamTarget& target) const noexcept {
    const auto found = std::find_if(shared_.begin(), shared_.end(), [&](const auto& shared) {
        return shared->leads_to(target.endpoint, target.security.get()) && shared->has_room();
    });
    return found == shared_.end() ? nullptr : found->get();
}

std::unique_ptr<UpstreamLeg> UpstreamPool::take_idle(const UpstreamTarget& target, Check check) {
    if (auto shared = take_shared(target)) return shared;
    if (auto kept = take_kept(target, check)) return kept;
    return shelf_ && !target.security ? take_shelved(target) : nullptr;
}

// What speaks h2c has nothing else to offer.
std::unique_ptr<UpstreamLeg> UpstreamPool::take_shared(const UpstreamTarget& target) const {
    using Needs = UpstreamTarget::Needs;
    if (!target.security) return nullptr;
    const bool is_h2c = target.security->protocol == UpstreamProtocol::kH2c;
    if (target.needs == Needs::kHttp1 && !is_h2c) return nullptr;
    Http2Upstream* const shared = shared_with_room(target);
    if (shared == nullptr) return nullptr;
    return std::make_unique<Http2UpstreamStream>(*shared, form_of(target));
}

std::unique_ptr<UpstreamLeg> UpstreamPool::take_kept(const UpstreamTarget& target, Check check) {
    const auto found = idle_.find(target.endpoint);
    if (found == idle_.end()) return nullptr;
    Connections& idle = found->second.kept;
    for (;;) {
        const auto last = std::find_if(idle.rbegin(), idle.rend(), [&](const auto& connection) {
            return is_same(connection->target_.security, target.security);
        });
        if (last == idle.rend()) return nullptr;
        std::unique_ptr<UpstreamConnection> connection = std::move(*last);
        idle.erase(std::next(last).base());
        found->second.unused = std::min(found->second.unused, idle.size());
        --idle_count_;
        timers_.set(*connection, kNever);
        if (check == Check::kKnownState || connection->stream_.is_quiet()) return connection;
        discard(std::move(connection));
    }
}

std::unique_ptr<UpstreamLeg> UpstreamPool::take_shelved(const UpstreamTarget& target) {
    auto taken = shelf_->take(target.endpoint, poller_.now());
    if (!taken) return nullptr;
    auto connection = std::make_unique<UpstreamConnection>(*this, target, std::move(taken->stream));
    connection->phase_ = UpstreamConnection::Phase::kOpen;
    if (!poller_.add(connection->stream_.fd(), *connection)) return nullptr;
    return connection;
}

std::size_t UpstreamPool::hand_over() {
    if (!shelf_) return 0;
    shelf_->drop_expired(poller_.now());
    std::size_t count = 0;
    for (auto& [endpoint, idle] : idle_) {
        const auto end = idle.kept.begin() + static_cast<std::ptrdiff_t>(idle.unused);
        const auto stays = std::stable_partition(idle.kept.begin(), end, [](const auto& one) {
            return one->target_.security != nullptr;
        });
        for (auto it = stays; it != end; ++it) {
            UpstreamConnection& connection = **it;
            poller_.remove(connection.stream_.fd());
            shelf_->put(endpoint, std::move(connection.stream_), connection.deadline());
            timers_.set(connection, kNever);
            dead_.push_back(std::move(*it));  // events for it may be waiting
            ++count;
        }
        idle.kept.erase(stays, end);
        idle.unused = idle.kept.size();
    }
    idle_count_ -= count;
    return count;
}

std::unique_ptr<UpstreamLeg> UpstreamPool::connect(const UpstreamTarget& target, HopReason& why) {
    const bool is_socket = target.security && !target.security->socket_path.empty();
    Stream stream = is_socket ? Stream::connect_to(target.security->socket_path, why)
                              : Stream::connect_to(target.endpoint, why);
    if (why != HopReason::kNone) return nullptr;
    auto connection = std::make_unique<UpstreamConnection>(*this, target, std::move(stream));
    if (!poller_.add(connection->stream_.fd(), *connection)) {
        why = HopReason::kUnreachable;
        return nullptr;
    }
    return connection;
}

std::unique_ptr<UpstreamLeg> UpstreamPool::opened(std::unique_ptr<UpstreamLeg> leg) {
    auto* const connection = leg->connection();
    if (connection != nullptr) connection->stream_.expect_peer();
    if (connection == nullptr || !connection->speaks_http2()) return leg;
    // Others may have been quicker.
    if (auto shared = take_shared(connection->target_)) {
        discard(std::move(leg));
        return shared;
    }
    const UpstreamTarget target = connection->target_;
    poller_.remove(connection->stream_.fd());
    shared_.push_back(std::make_unique<Http2Upstream>(*this, target.endpoint, target.security,
                                                      std::move(connection->stream_)));
    leg.release();
    dead_.emplace_back(connection);  // events for it may be waiting
    Http2Upstream& shared = *shared_.back();
    shared.start();
    return std::make_unique<Http2UpstreamStream>(shared, form_of(target));
}

void UpstreamPool::keep(std::unique_ptr<UpstreamLeg> leg, TimePoint until) {
    auto* const used = leg->connection();
    if (used == nullptr) return;  // a stream ends with its request
    Connections& idle = idle_[used->target_.endpoint].kept;
    if (used->stream_.readable() || idle.size() >= kMaxIdlePerEndpoint) {
        return discard(std::move(leg));
    }
    used->set_user(nullptr);
    timers_.set(*used, until);
    leg.release();
    idle.emplace_back(used);
    ++idle_count_;
}

void UpstreamPool::discard(std::unique_ptr<UpstreamLeg> leg) {
    auto* const connection = leg->connection();
    if (connection == nullptr) return;
    leg.release();
    connection->set_user(nullptr);
    timers_.set(*connection, kNever);
    poller_.remove(connection->stream_.fd());
    connection->stream_.close();
    dead_.emplace_back(connection);
}

void UpstreamPool::drop_idle(UpstreamConnection& connection) {
    auto& [idle, unused] = idle_[connection.target_.endpoint];
    const auto it = std::find_if(idle.begin(), idle.end(),
                                 [&](const auto& kept) { return kept.get() == &connection; });
    if (it == idle.end()) return;
    std::unique_ptr<UpstreamConnection> owned = std::move(*it);
    idle.erase(it);
    unused = std::min(unused, idle.size());
    --idle_count_;
    discard(std::move(owned));
}

bool UpstreamPool::flush() {
    if (to_flush_.empty()) return false;
    for (Http2Upstream* shared : std::exchange(to_flush_, {})) shared->flush();
    return true;
}

void UpstreamPool::reap() noexcept {
    dead_.clear();
    const auto is_gone = [](const auto& shared) { return shared->is_gone(); };
    if (std::none_of(shared_.begin(), shared_.end(), is_gone)) return;
    std::erase_if(to_flush_, [](const Http2Upstream* shared) { return shared->is_gone(); });
    std::erase_if(shared_, is_gone);
}

void UpstreamPool::close_idle() {
    for (auto& [endpoint, idle] : idle_) {
        for (auto& connection : idle.kept) discard(std::move(connection));
    }
    idle_.clear();
    idle_count_ = 0;
    if (shelf_) shelf_->clear();
}

}  // namespace hearth::proxy
