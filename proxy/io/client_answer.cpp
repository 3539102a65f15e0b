// The part of ClientRequest that answers by itself: error pages and redirects.

#include <algorithm>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"
#include "proxy/core/own_pages.h"
#include "proxy/core/page_template.h"
#include "proxy/core/trace_context.h"
#include "proxy/io/client_request.h"

namespace hearth::proxy {

namespace {

constexpr Duration kPageTime = 10s;
constexpr std::size_t kMaxListedHosts = 100;
constexpr std::string_view kChallenges = "/.well-known/acme-challenge/";  // RFC 8555 §8.3

std::vector<std::string_view> listed_hosts(const Snapshot& snapshot) {
    std::vector<std::string_view> hosts;
    for (const Service& service : snapshot.services) {
        if (hosts.size() == kMaxListedHosts) break;
        const StreamKind kind = service.stream.kind;
        const bool has_page = kind == StreamKind::kNone || kind == StreamKind::kTls;
        if (has_page && !service.upstreams.empty() && !service.hosts.empty()) {
            hosts.emplace_back(service.hosts.front());
        }
    }
    return hosts;
}

// With a slash in front, as "*" and absolute forms without a path lack it.
std::string full_target(std::string_view asked) {
    std::string target(asked.starts_with('/') ? "" : "/");
    return target.append(asked == "*" ? "" : asked);
}

std::string_view content_type_of(PageFormat format) {
    return format == PageFormat::kJson ? "application/json" : "text/html; charset=utf-8";
}

std::string page_head(int status, std::string_view content_type, std::size_t size, bool keep_alive,
                      std::string_view more_fields = {}) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
    head.append(status_text(status)).append("\r\nContent-Type: ");
    head.append(content_type);
    head.append("\r\nCache-Control: no-store\r\nContent-Length: ").append(std::to_string(size));
    if (!keep_alive) head.append("\r\nConnection: close");
    head.append("\r\n").append(more_fields).append("\r\n");
    return head;
}

}  // namespace

// Answers with a page, unless there is nobody to answer or an answer has begun.
ClientRequest::Next ClientRequest::failed(HopError error) {
    ActiveExchange& active = *active_;
    const bool begun = active.service != nullptr || error.reason == HopReason::kUnknownHost;
    const bool answered =
        begun && (active.exchange.response_started() || !active.exchange.to_client().empty());
    if (!begun) {
        active.generation = worker_.generation;
        active.record.client = who_.address;
        active.logged = worker_.logs_access();
        active.show_details = active.generation->snapshot->is_of_the_house(who_.address);
        active.page_format = PageFormat::kHtml;
    }
    active.record.error = error;
    give_id();
    active.record.status = answered ? active.exchange.status() : status_of(error);
    worker_.metrics.failed(error.reason);
    worker_.note_failure(active.record);
    leave_upstream();
    if (error.reason == HopReason::kClientGone) abandon_upstream();
    drop_upstream();
    finish_record();
    if (answered || active.record.status == 0) {
        cut_short_ = answered;
        state_ = State::kAborted;
        return Next::kRun;
    }

    const Snapshot& snapshot = *active.generation->snapshot;
    const std::string upstream = active.record.upstream_text();
    std::string id;
    append_hex(id, active.record.trace);
    ErrorPage page{error,    active.record.status, {}, active.record.service,
                   upstream, active.show_details,  {}, id};
    if (begun) page.host = active.record.host.view();
    if (error.reason == HopReason::kUnknownHost && active.show_details) {
        page.known_hosts = listed_hosts(snapshot);
    }
    client_reusable_ = begun && active.exchange.request_read() &&
                       active.exchange.keep_alive_wanted() && !worker_.draining;
    const std::string* const own = active.page_format == PageFormat::kHtml
                                       ? worker_.error_pages->find(page.service, page.status)
                                       : nullptr;
    const std::string body =
        own != nullptr ? fill_template(*own, page) : render(page, active.page_format);
    if (error.reason == HopReason::kOverloaded) active.more_fields = "Retry-After: 2\r\n";
    std::string text = page_head(page.status, content_type_of(active.page_format), body.size(),
                                 client_reusable_, active.more_fields);
    if (!begun || active.record.method != Method::kHead) text += body;
    return answer(std::move(text));
}

ClientRequest::Next ClientRequest::answer(std::string head_and_body) {
    ActiveExchange& active = *active_;
    active.page = std::move(head_and_body);
    active.page_left.clear();
    std::span<char> left = active.page;
    if (client_.has_heads_apart()) {
        const std::size_t end = active.page.find("\r\n\r\n") + 4;
        const bool is_all = end == active.page.size();
        client_.write_head(left.first(end), is_all ? StreamEnd::kEnded : StreamEnd::kOpen);
        left = left.subspan(end);
    }
    active.page_left.add({left.data(), left.size()});
    client_.wake_at(now() + kPageTime);
    state_ = State::kPage;
    return Next::kRun;
}

// Not where another proxy of ours has spoken TLS already, nor where a certificate is being proved.
bool ClientRequest::wants_https(const RequestHead& head) const noexcept {
    const hearth::proxy::Service& service = *active_->service->service;
    if (who_.tls != nullptr || service.plain_http == PlainHttp::kServe) return false;
    if (worker_.tls.store().all().empty() || active_->asked_target.starts_with(kChallenges))
        return false;
    const Snapshot& snapshot = *active_->generation->snapshot;
    const Peer peer = peer_of_connection();
    return origin_of(head, peer, snapshot.trusted_proxies).scheme != "https";
}

// To the name as asked where a certificate has it, else to the service's full name, for nobody
// certifies short ones. False, and served as it is, when there is no certificate for either.
bool ClientRequest::redirect_to_https(const RequestHead& head) {
    const ActiveExchange& active = *active_;
    const std::vector<std::string>& hosts =
        active.generation->snapshot->services[active.host_owner].hosts;
    std::string_view host = host_of(head.authority);
    if (!worker_.tls.store().find(host)) {
        // hosts are pairs: the full name, then the short one.
        const auto known = std::find_if(hosts.begin(), hosts.end(), [host](const auto& each) {
            return equals_ignoring_case(each, host);
        });
        host = known != hosts.begin() && known != hosts.end() ? *(known - 1) : hosts.front();
        if (!worker_.tls.store().find(host)) return false;
    }
    redirect_to(host);
    return true;
}

ClientRequest::Next ClientRequest::redirect_to(std::string_view host) {
    const std::uint16_t port = active_->generation->snapshot->https_port;
    std::string location = "https://";
    location.append(host);
    if (port != 443) location.append(":").append(std::to_string(port));
    location.append(full_target(active_->asked_target));
    return answer_redirect(308, location);
}

// Whoever ends TLS for that name wants it on a connection of its own.
ClientRequest::Next ClientRequest::answer_for_passed_on(const RequestHead& head) {
    if (who_.tls != nullptr) return failed({HopReason::kMisdirected, Refusal::kNone});
    return redirect_to(host_of(head.authority));
}

ClientRequest::Next ClientRequest::redirect() {
    const Redirect& redirect = active_->service->service->redirect;
    std::string location = redirect.to;
    const auto host = location.find("://");
    if (host != std::string::npos && location.find_first_of("/?#", host + 3) == std::string::npos)
        location.append(full_target(active_->asked_target));
    return answer_redirect(redirect.status, location);
}

ClientRequest::Next ClientRequest::answer_redirect(int status, std::string_view location) {
    ActiveExchange& active = *active_;
    active.record.status = status;
    client_reusable_ =
        active.exchange.request_read() && active.exchange.keep_alive_wanted() && !worker_.draining;
    std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
    text.append(status_text(status)).append("\r\nLocation: ").append(location);
    text.append("\r\nContent-Length: 0\r\n");
    if (!client_reusable_) text.append("Connection: close\r\n");
    text.append("\r\n");
    finish_record();
    return answer(std::move(text));
}

bool ClientRequest::is_for_us(const RequestHead& head) const noexcept {
    const std::string_view own = active_->generation->snapshot->own_host;
    const std::string_view host = host_of(head.authority);
    return equals_ignoring_case(host, own) ||
           equals_ignoring_case(host, own.substr(0, own.find('.')));
}

ClientRequest::Next ClientRequest::answer_ourselves(const RequestHead& head) {
    ActiveExchange& active = *active_;
    const CertificateStore& store = worker_.tls.store();
    const OwnPage page = own_page(
        head.method, head.target,
        {store.home().own_host, active.generation->snapshot->https_port, store.home().root.get()});
    active.record.status = page.status;
    client_reusable_ =
        active.exchange.request_read() && active.exchange.keep_alive_wanted() && !worker_.draining;
    finish_record();
    std::string text = page_head(page.status, page.content_type, page.body.size(), client_reusable_,
                                 page.more_fields);
    if (head.method != Method::kHead) text += page.body;
    return answer(std::move(text));
}

ClientRequest::Next ClientRequest::send_page() {
    ActiveExchange& active = *active_;
    while (!active.page_left.empty()) {
        if (!client_.writable()) return Next::kWait;
        const IoResult sent = client_.write(active.page_left);
        if (sent.status == IoStatus::kWouldBlock) return Next::kWait;
        if (sent.status != IoStatus::kMoved) {
            state_ = State::kAborted;
            return Next::kRun;
        }
        active.page_left.advance(sent.octets);
    }
    state_ = State::kAnswered;
    return Next::kRun;
}

}  // namespace hearth::proxy
