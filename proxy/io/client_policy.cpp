// The part of ClientRequest that lets pass or refuses: addresses, rates, sizes, passwords, and what
// another service says.

#include <algorithm>
#include <chrono>

#include "proxy/core/basic_credentials.h"
#include "proxy/core/forward_auth.h"
#include "proxy/core/header_edits.h"
#include "proxy/core/octets.h"
#include "proxy/io/client_request.h"
#include "proxy/io/password_checker.h"

namespace hearth::proxy {

namespace {

constexpr Duration kAskTime = 10s;
constexpr Duration kPatience = 15s;  // of the whole, should nobody answer

std::string retry_after(Duration wait) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    return "Retry-After: " + std::to_string(std::max<std::int64_t>(seconds, 1)) + "\r\n";
}

std::string_view authorization_of(const RequestHead& head) noexcept {
    for (const HeaderField& field : head.headers.fields()) {
        if (equals_ignoring_case(field.name, "authorization")) return field.value;
    }
    return {};
}

}  // namespace

IpAddress ClientRequest::counted_client() const noexcept {
    return active_->generation->snapshot->one_client(active_->record.client);
}

// False after it has answered.
bool ClientRequest::passes(const RequestHead& head) {
    ActiveExchange& active = *active_;
    const Policy& policy = active.service->service->policy;
    const IpAddress& client = active.record.client;
    if (const HopReason fault = certificate_fault(); fault != HopReason::kNone) {
        failed({fault, Refusal::kNone});
        return false;
    }
    const bool is_allowed = std::all_of(policy.allow.begin(), policy.allow.end(),
                                        [&](const auto& list) { return is_trusted(client, list); });
    if (!is_allowed) {
        failed({HopReason::kForbidden, Refusal::kNone});
        return false;
    }
    if (const auto wait = active.service->shared->ask_rates(counted_client(), now())) {
        active.more_fields = retry_after(*wait);
        failed({HopReason::kRateLimited, Refusal::kNone});
        return false;
    }
    if (policy.body_limit == 0) return true;
    active.exchange.set_body_limit(policy.body_limit);
    if (head.body.kind != BodyKind::kLength || head.body.length <= policy.body_limit) return true;
    failed({HopReason::kBodyTooLarge, Refusal::kNone});
    return false;
}

void ClientRequest::guard(RequestHead& head) {
    if (!passes(head)) return;
    const Policy& policy = active_->service->service->policy;
    head_ = &head;
    if (policy.basic) {
        check_password();
    } else if (policy.forward) {
        ask_service();
    } else {
        let_in();
    }
}

// --- passwords ---

void ClientRequest::check_password() {
    ActiveExchange& active = *active_;
    const BasicAuth& rule = *active.service->service->policy.basic;
    const auto credentials = basic_credentials(authorization_of(*head_));
    if (!credentials) return ask_for_password();
    const auto known = rule.users->find(credentials->user);
    const std::string hash = known != rule.users->end() ? known->second : std::string{};
    active.user = credentials->user;
    if (!hash.empty() && worker_.passwords->remembers(credentials->password, hash))
        return password_fits();
    if (const auto wait = worker_.passwords->delay_of(counted_client(), now())) {
        active.more_fields = retry_after(*wait);
        failed({HopReason::kRateLimited, Refusal::kNone});
        return;
    }
    wait_for_answer();
    // Runs on the checker's thread; the ticket is looked at on ours.
    auto done = [ticket = active.ticket, post = worker_.post](PasswordChecker::Verdict verdict) {
        post([ticket, verdict] {
            if (ticket->owner != nullptr) ticket->owner->password_checked(verdict);
        });
    };
    worker_.passwords->check(credentials->password, hash, std::move(done));
}

void ClientRequest::password_checked(PasswordVerdict verdict) {
    active_->ticket.reset();
    switch (verdict) {
        case PasswordVerdict::kFits:
            worker_.passwords->guessed_right(counted_client());
            password_fits();
            break;
        case PasswordVerdict::kWrong:
            worker_.passwords->guessed_wrong(counted_client(), now());
            ask_for_password();
            break;
        case PasswordVerdict::kBusy:
            active_->more_fields = retry_after(1s);
            failed({HopReason::kRateLimited, Refusal::kNone});
            break;
    }
    go_on();
}

void ClientRequest::ask_for_password() {
    const BasicAuth& rule = *active_->service->service->policy.basic;
    active_->more_fields =
        "WWW-Authenticate: Basic realm=\"" + rule.realm + "\", charset=\"UTF-8\"\r\n";
    failed({HopReason::kUnauthorized, Refusal::kNone});
}

// The service learns who it is, not the password.
void ClientRequest::password_fits() {
    remove_field(head_->headers, "authorization");
    remove_field(head_->headers, "remote-user");
    if (!head_->headers.full()) head_->headers.add({"Remote-User", active_->user, HeaderId::kOwn});
    begin_again();
}

// --- another service ---

void ClientRequest::ask_service() {
    ActiveExchange& active = *active_;
    const ForwardAuth& rule = *active.service->service->policy.forward;
    auto& services = active.generation->services;
    const auto asked = std::find_if(services.begin(), services.end(), [&](const ServiceState& one) {
        return one.service->name == rule.service;
    });
    const auto endpoint = asked != services.end() ? asked->balancer.pick({}, now()) : std::nullopt;
    if (!endpoint) {
        failed({HopReason::kAuthUnavailable, Refusal::kNone});
        return;
    }
    const Peer peer = peer_of_connection();
    const Origin origin = origin_of(*head_, peer, active.generation->snapshot->trusted_proxies);
    active.asked_url = std::string(origin.scheme) + "://";
    active.asked_url.append(origin.host).append(active.asked_target);
    wait_for_answer();
    UpstreamAsk ask;
    ask.target = {*endpoint, asked->security_of(*endpoint)};
    if (!asked->service->keeps_connections()) {
        ask.target.needs = UpstreamTarget::Needs::kHttp1;
        ask.target.preamble = proxy_header(asked->service->send_proxy_protocol,
                                           {who_.address, who_.port}, client_.local());
        ask.connection = UpstreamAsk::Connection::kNew;
    }
    ask.text = auth_question(*head_, peer, origin, active.asked_target,
                             asked->service->hosts.front(), rule.path);
    ask.timeout = kAskTime;
    ask.done = [ticket = active.ticket](const UpstreamAnswer& answer) {
        if (ticket->owner != nullptr) ticket->owner->service_answered(answer.said);
    };
    worker_.questions.ask(std::move(ask));
}

void ClientRequest::service_answered(const AuthAnswer& answer) {
    ActiveExchange& active = *active_;
    active.ticket.reset();
    const ForwardAuth& rule = *active.service->service->policy.forward;
    active.auth = decide(answer, rule, is_navigation(*head_), active.asked_url);
    switch (active.auth.kind) {
        case AuthDecision::Kind::kUnavailable:
            failed({HopReason::kAuthUnavailable, Refusal::kNone});
            break;
        case AuthDecision::Kind::kAnswer: answer_for_service(); break;
        case AuthDecision::Kind::kPass:
            for (const std::string& name : rule.headers) remove_alike(head_->headers, name);
            for (const auto& [name, value] : active.auth.fields) {
                if (!head_->headers.full()) head_->headers.add({name, value, HeaderId::kOwn});
            }
            begin_again();
            break;
    }
    go_on();
}

void ClientRequest::answer_for_service() {
    ActiveExchange& active = *active_;
    const AuthDecision& decision = active.auth;
    if (decision.response.empty()) {
        failed({HopReason::kUnauthorized, Refusal::kNone});
        return;
    }
    active.record.status = decision.status;
    client_reusable_ =
        active.exchange.request_read() && active.exchange.keep_alive_wanted() && !worker_.draining;
    std::string text = "HTTP/1.1 " + std::to_string(decision.status) + " ";
    text.append(status_text(decision.status)).append("\r\n");
    if (!client_reusable_) text.append("Connection: close\r\n");
    text.append(decision.response);
    if (active.record.method != Method::kHead) text.append(decision.body);
    finish_record();
    answer(std::move(text));
}

// --- waiting ---

void ClientRequest::wait_for_answer() {
    active_->ticket = std::make_shared<AuthTicket>(AuthTicket{this});
    client_.wake_at(now() + kPatience);
    state_ = State::kAsking;
}

void ClientRequest::begin_again() {
    const std::uint64_t limit = active_->service->service->policy.body_limit;
    begin_exchange(*head_);
    if (limit != 0) active_->exchange.set_body_limit(limit);
    if (active_->service->service->policy.forward &&
        active_->auth.kind != AuthDecision::Kind::kPass)
        return ask_service();
    let_in();
}

void ClientRequest::let_in() {
    if (active_->exchange.verdict() == Exchange::Verdict::kFailed) {
        failed(active_->exchange.error());
    } else if (!active_->service->service->redirect.to.empty()) {
        redirect();
    } else {
        prepare_choice(*head_);
        enter();
    }
}

// What was waited for came outside of the batches of the connections' own events.
void ClientRequest::go_on() {
    client_.give_way();
    worker_.turn();
}

}  // namespace hearth::proxy
