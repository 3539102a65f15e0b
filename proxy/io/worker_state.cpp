#include "proxy/io/worker_state.h"

#include <chrono>

namespace hearth::proxy {

namespace {
constexpr std::size_t kSpareActives = 128;
constexpr std::size_t kMaxAccessEvents = 512;  // per tick; followers see a sample under load
}  // namespace

std::shared_ptr<const UpstreamSecurity> ServiceState::security_of(const Endpoint& endpoint) const {
    for (const auto& [known, security] : securities) {
        if (known == endpoint) return security;
    }
    return nullptr;
}

void ActiveExchange::recycle() noexcept {
    parser.reset();
    client_in.compact();
    request_head.release();
    upstream_in.release();
    response_head.release();
    generation.reset();
    service = nullptr;
    connected = watched = false;
    tried_count = 0;
    client_key = sticky_token = 0;
    more_fields.clear();
    coding = ContentCoding::kNone;
    coder.reset();
    auth = {};
    counted = admitted = queued = false;
    page_left.clear();
    record.method = Method::kOther;
    record.host.clear();
    record.target.clear();
    record.referer.clear();
    record.user_agent.clear();
    record.service = {};
    record.upstream = {};
    record.upstream_socket = {};
    record.status = 0;
    record.error = {};
    record.request_octets = record.response_octets = 0;
}

void ActiveExchange::release_empty_buffers() noexcept {
    if (client_in.empty() && exchange.to_upstream().empty()) client_in.release();
    if (upstream_in.empty() && exchange.to_client().empty()) {
        upstream_in.release();
        response_head.release();
    }
    if (exchange.response_started() && exchange.to_upstream().empty()) request_head.release();
}

std::unique_ptr<ActiveExchange> WorkerState::take_active() {
    if (spare_.empty()) return std::make_unique<ActiveExchange>(blocks);
    std::unique_ptr<ActiveExchange> active = std::move(spare_.back());
    spare_.pop_back();
    return active;
}

void WorkerState::give_back(std::unique_ptr<ActiveExchange> active) noexcept {
    active->client_in.release();
    active->recycle();
    if (spare_.size() < kSpareActives) spare_.push_back(std::move(active));
}

void WorkerState::forget_connection(const IpAddress& peer) noexcept {
    const auto count = connections_by_address.find(peer);
    if (count != connections_by_address.end() && --count->second == 0)
        connections_by_address.erase(count);
}

void WorkerState::log_access(const AccessRecord& record) {
    const auto when =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    if (access_format != AccessFormat::kOff) {
        append_access_line(access_lines, record, access_format, when);
        access_lines.push_back('\n');
    }
    if (access_followed && access_events.size() < kMaxAccessEvents) {
        append_access_line(access_events.emplace_back(), record, AccessFormat::kJson, when);
    }
}

}  // namespace hearth::proxy
