#include "proxy/io/client_request.h"

#include <chrono>
#include <utility>

#include "proxy/core/authority.h"
#include "proxy/core/compression.h"
#include "proxy/core/cookies.h"
#include "proxy/core/header_edits.h"
#include "proxy/core/url_path.h"
#include "proxy/io/compressor.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {

// Good for any page; what its application says goes before them.
constexpr std::pair<std::string_view, std::string_view> kSecurityHeaders[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "SAMEORIGIN"},
    {"Referrer-Policy", "strict-origin-when-cross-origin"},
    {"Permissions-Policy", "interest-cohort=()"}};

}  // namespace

ActiveExchange& ClientRequest::open() {
    active_ = worker_.take_active();
    return *active_;
}

void ClientRequest::end() noexcept {
    if (!active_) return;
    if (awaits_turn_) worker_.write_turn.forget(*this);
    awaits_turn_ = false;
    if (active_->ticket) active_->ticket->owner = nullptr;
    active_->ticket.reset();
    leave_upstream();
    leave_service();
    abandon_upstream();
    worker_.give_back(std::move(active_));
}

ClientRequest::Progress ClientRequest::run() {
    Next next = Next::kRun;
    while (next == Next::kRun) {
        switch (state_) {
            case State::kAsking: return Progress::kWaits;
            case State::kQueued: next = look_for_room(); break;
            case State::kRelay: next = relay(); break;
            case State::kPage: next = send_page(); break;
            case State::kAnswered: return Progress::kAnswered;
            case State::kAborted: return Progress::kAborted;
        }
    }
    return Progress::kWaits;
}

void ClientRequest::on_deadline() {
    if (state_ == State::kRelay) {
        const UpstreamConnection* const connection =
            active_->upstream ? active_->upstream->connection() : nullptr;
        active_->exchange.on_deadline(
            now(), connection != nullptr ? connection->awaited() : HopReason::kConnectTimeout);
    } else if (state_ == State::kAsking) {
        active_->ticket->owner = nullptr;
        failed({HopReason::kAuthUnavailable, Refusal::kNone});
    } else if (state_ == State::kQueued) {
        failed({HopReason::kOverloaded, Refusal::kNone});
    } else {
        state_ = State::kAborted;
    }
}

void ClientRequest::write_now() {
    awaits_turn_ = false;
    client_.on_write_turn();
}

void ClientRequest::client_failed() {
    if (state_ == State::kRelay) active_->exchange.client_failed();
    if (state_ == State::kQueued || state_ == State::kAsking) state_ = State::kAborted;
}

bool ClientRequest::drain() {
    if (state_ != State::kRelay) return false;
    active_->exchange.announce_close();
    return active_->exchange.is_tunnel();
}

bool ClientRequest::left_unread() const noexcept {
    const HopReason reason = active_->record.error.reason;
    const bool refused = reason != HopReason::kNone && hop_of(reason) == Hop::kClient;
    return refused || !active_->exchange.request_read();
}

const Outgoing& ClientRequest::to_client() const noexcept {
    return state_ == State::kRelay ? active_->exchange.to_client() : active_->page_left;
}

bool ClientRequest::to_client_is_last() const noexcept {
    return state_ != State::kRelay || active_->exchange.response_read();
}

std::string_view ClientRequest::trailers_to_client() const noexcept {
    return active_->exchange.trailers_to_client();
}

void ClientRequest::wrote_to_client(std::size_t octets) {
    if (state_ == State::kRelay) {
        active_->exchange.wrote_to_client(octets, now());
    } else {
        active_->page_left.advance(octets);
    }
}

void ClientRequest::describe(const RequestHead& head, const Peer& peer) {
    ActiveExchange& active = *active_;
    const Snapshot& snapshot = *active.generation->snapshot;
    AccessRecord& record = active.record;
    record.client =
        peer.trusted ? origin_of(head, peer, snapshot.trusted_proxies).client : who_.address;
    record.method = head.method;
    record.version = head.version;
    record.host.assign(head.authority);
    active.show_details = snapshot.is_of_the_house(record.client);
    const HeaderField* accept = head.headers.find(HeaderId::kAccept);
    active.page_format = page_format(accept != nullptr ? accept->value : std::string_view{});
    active.logged = worker_.logs_access() || is_recorded();
    if (!active.logged) return;
    const auto value = [&head](HeaderId id) {
        const HeaderField* field = head.headers.find(id);
        return field != nullptr ? field->value : std::string_view{};
    };
    record.method_text.assign(head.method_text);
    record.target.assign(head.target);
    record.referer.assign(value(HeaderId::kReferer));
    record.user_agent.assign(value(HeaderId::kUserAgent));
}

void ClientRequest::begin(RequestHead& head) {
    ActiveExchange& active = *active_;
    active.generation = worker_.generation;
    active.record.began = now();
    cut_short_ = client_reusable_ = false;
    const Snapshot& snapshot = *active.generation->snapshot;
    if (snapshot.tracing.use != Tracing::Use::kNone) join_trace(head);
    describe(head, peer_of_connection());

    active.asked_target = head.target;
    const Route route = snapshot.router.find(head.authority, head.target);
    if (route.service) {
        active.service = &active.generation->services[*route.service];
        active.record.service = active.service->service->name;
        active.host_owner = route.owner;
        if (route.rule != nullptr) active.route = route.rule->path;
        edit_request(head, route);
    }
    begin_exchange(head);
    if (!route.is_named && is_for_us(head)) {
        answer_ourselves(head);
    } else if (!route.service) {
        failed({HopReason::kUnknownHost, Refusal::kNone});
    } else if (route.ambiguous) {
        failed({HopReason::kRefusedRequest, Refusal::kAmbiguousPath});
    } else if (active.exchange.verdict() == Exchange::Verdict::kFailed) {
        failed(active.exchange.error());
    } else if (active.service->service->stream.kind != StreamKind::kNone) {
        answer_for_passed_on(head);
    } else if (who_.tls != nullptr && who_.tls->is_misdirected(host_of(head.authority))) {
        failed({HopReason::kMisdirected, Refusal::kNone});
    } else if (!wants_https(head) || !redirect_to_https(head)) {
        guard(head);
    }
}

Peer ClientRequest::peer_of_connection() const noexcept {
    const Snapshot& snapshot = *active_->generation->snapshot;
    return {who_.address, who_.text, is_trusted(who_.address, snapshot.trusted_proxies),
            who_.security == Security::kTls ? "https" : "http", snapshot.trusted_header};
}

// What the document wants changed in the request, besides what every service's gets.
void ClientRequest::edit_request(RequestHead& head, const Route& route) {
    const hearth::proxy::Service& service = *active_->service->service;
    if (route.rule != nullptr && service.rewrite.strips) {
        active_->target =
            with_prefix_replaced(head.target, route.rule->path, service.rewrite.replacement);
        head.target = active_->target;
        remove_field(head.headers, "X-Forwarded-Prefix");
        if (!head.headers.full())
            head.headers.add({"X-Forwarded-Prefix", route.rule->path, HeaderId::kOwn});
    }
    if (service.client_certificates.asks()) tell_certificate(head);
    if (!service.request_headers.empty())
        apply_edits(service.request_headers, head.headers, HeaderId::kOwn);
}

void ClientRequest::begin_exchange(const RequestHead& head) {
    ActiveExchange& active = *active_;
    Peer peer = peer_of_connection();
    peer.tell_forwarded = active.service != nullptr && active.service->service->send_forwarded;
    active.exchange.begin(head, peer, active.generation->snapshot->trusted_proxies,
                          active.service != nullptr ? active.service->balancer.size() : 0,
                          active.request_head.whole(), now());
    if (worker_.draining) active.exchange.announce_close();
    if (active.service == nullptr) return;
    active.exchange.set_editor(this);
    const Duration answer_time = active.service->service->answer_timeout;
    active.exchange.set_answer_time(answer_time != Duration{} ? answer_time
                                                              : ExchangeTimeouts{}.response_head);
}

void ClientRequest::prepare_choice(const RequestHead& head) {
    ActiveExchange& active = *active_;
    const Compression& compression = active.service->service->policy.compression;
    if (!compression.codings.empty()) {
        active.coding = choose_coding(head.headers, compression);
        // An HTTP/1.0 client would only know the end of it by the end of the connection.
        if (head.version == Version::kHttp10) active.coding = ContentCoding::kNone;
        active.tags_asked_with = tags_asked_with(head.headers);
    }
    const Balancing& balancing = active.service->service->balancing;
    if (balancing.how == Balance::kSourceHash) active.client_key = key_of(active.record.client);
    if (balancing.sticky.empty()) return;
    active.sticky_token = from_cookie(cookie_value(head.headers, balancing.sticky));
}

void ClientRequest::compress(ResponseHead& head) {
    ActiveExchange& active = *active_;
    const Compression& rule = active.service->service->policy.compression;
    if (stands_for_compressible(head, active.record.method, rule)) {
        announce_choice(head);
        if (has_weak_tag(head, active.coding, active.tags_asked_with))
            weaken_tag(head, active.etag);
        return;
    }
    if (!is_compressible(head, rule)) return;
    announce_choice(head);
    if (active.coding == ContentCoding::kNone || head.headers.full()) return;
    active.coder = make_compressor(active.coding);
    if (active.coder) announce_coding(head, active.coding, active.etag);
}

void ClientRequest::edit(ResponseHead& head) {
    ActiveExchange& active = *active_;
    const hearth::proxy::Service& service = *active.service->service;
    compress(head);
    const auto add = [&head](std::string_view name, std::string_view value) {
        if (!head.headers.full()) head.headers.add({name, value, HeaderId::kOther});
    };
    if (service.policy.security_headers) {
        for (const auto& [name, value] : kSecurityHeaders) {
            if (!has_field(head.headers, name)) add(name, value);
        }
    }
    if (service.policy.hsts != Duration{} && who_.tls != nullptr) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(service.policy.hsts);
        active.hsts = "max-age=" + std::to_string(seconds.count());
        remove_field(head.headers, "Strict-Transport-Security");
        add("Strict-Transport-Security", active.hsts);
    }
    for (const std::string& cookie_of_auth : active.auth.cookies) add("Set-Cookie", cookie_of_auth);
    if (!service.response_headers.empty())
        apply_edits(service.response_headers, head.headers, HeaderId::kOther);
    const std::string& cookie = service.balancing.sticky;
    const std::uint64_t token = token_of(active.record.upstream);
    if (cookie.empty() || token == active.sticky_token || head.headers.full()) return;
    active.set_cookie = cookie + "=" + to_cookie(token) + "; Path=/; HttpOnly; SameSite=Lax";
    if (who_.tls != nullptr) active.set_cookie += "; Secure";
    head.headers.add({"Set-Cookie", active.set_cookie, HeaderId::kOther});
}

// What goes ahead of the request on a connection that is made for it alone.
std::string ClientRequest::preamble() const {
    if (active_->service == nullptr) return {};
    const ProxyProtocol version = active_->service->service->send_proxy_protocol;
    if (version == ProxyProtocol::kNone) return {};
    return proxy_header(version, {who_.address, who_.port}, client_.local());
}

void ClientRequest::refuse(HopError error) {
    cut_short_ = client_reusable_ = false;
    failed(error);
}

ClientRequest::Next ClientRequest::finished() {
    ActiveExchange& active = *active_;
    active.record.status = active.exchange.status();
    active.service->balancer.answered(active.record.upstream);
    leave_upstream();
    finish_record();
    const bool reusable = active.exchange.upstream_reusable() && active.upstream_in.empty() &&
                          active.service->service->keeps_connections();
    if (reusable) {
        worker_.upstreams.keep(std::move(active.upstream),
                               now() + active.generation->snapshot->upstream_idle_timeout);
    } else {
        drop_upstream();
    }
    client_reusable_ = active.exchange.client_reusable() && !worker_.draining;
    state_ = State::kAnswered;
    return Next::kRun;
}

void ClientRequest::finish_record() {
    AccessRecord& record = active_->record;
    record.duration = now() - record.began;
    if (active_->service != nullptr) {
        record.request_octets = active_->exchange.request_octets();
        record.response_octets = active_->exchange.response_octets();
        active_->service->metrics->finished(record);
        if (active_->trace.attempts > 0)
            active_->service->count_answer(record, now() - active_->trace.asked_upstream);
    } else {
        worker_.metrics.service("").finished(record);
    }
    leave_service();
    if (!active_->logged) return;
    give_id();
    worker_.log_access(record);
    if (is_recorded()) record_spans();
}

}  // namespace hearth::proxy
