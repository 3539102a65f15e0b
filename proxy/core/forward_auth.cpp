#include "proxy/core/forward_auth.h"

#include <algorithm>
#include <array>

#include "proxy/core/header_rules.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kOurs = "x-forwarded-";

// Nothing of one connection, nothing of the body, nothing that we say ourselves.
bool is_for_auth(const HeaderField& field) noexcept {
    switch (field.id) {
        case HeaderId::kOther:
            return !imitates_identity(field.name) && !carries_identity(field.name) &&
                   !equals_ignoring_case(field.name.substr(0, kOurs.size()), kOurs);
        case HeaderId::kAccept:
        case HeaderId::kReferer:
        case HeaderId::kUserAgent: return true;
        default: return false;
    }
}

bool is_relayed(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 6> kRelayed{
        "location", "set-cookie", "content-type", "www-authenticate", "cache-control", "vary"};
    return std::any_of(kRelayed.begin(), kRelayed.end(),
                       [name](std::string_view one) { return equals_ignoring_case(name, one); });
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain) {
            out += c;
        } else {
            out.append({'%', kHex[octet >> 4], kHex[octet & 15]});
        }
    }
    return out;
}

// Where the client came to, as far as it said.
std::string_view port_of(const Origin& origin) noexcept {
    if (!origin.port.empty()) return origin.port;
    const auto colon = origin.host.rfind(':');
    const bool has_port = colon != std::string_view::npos && !origin.host.ends_with(']');
    if (has_port) return origin.host.substr(colon + 1);
    return origin.scheme == "https" ? "443" : "80";
}

void end_fields(std::string& out, std::string_view body) {
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
}

}  // namespace

std::string auth_question(const RequestHead& head, const Peer& peer, const Origin& origin,
                          std::string_view target, std::string_view host, std::string_view path) {
    std::string out = "GET ";
    out.append(path).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
    for (const HeaderField& field : head.headers.fields()) {
        if (is_for_auth(field))
            out.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    const auto add = [&out](std::string_view name, std::string_view value) {
        out.append(name).append(": ").append(value).append("\r\n");
    };
    add("X-Forwarded-For", passed_addresses(head, peer));
    add("X-Forwarded-Method", head.method_text);
    add("X-Forwarded-Proto", origin.scheme);
    add("X-Forwarded-Host", origin.host);
    add("X-Forwarded-Port", port_of(origin));
    add("X-Forwarded-Uri", target);
    add("X-Real-IP", origin.client.to_string());
    return out.append("\r\n");
}

bool is_navigation(const RequestHead& head) noexcept {
    if (head.method != Method::kGet && head.method != Method::kHead) return false;
    if (!head.upgrade.empty()) return false;
    std::string_view accept;
    for (const HeaderField& field : head.headers.fields()) {
        if (field.id == HeaderId::kAccept) accept = field.value;
        if (equals_ignoring_case(field.name, "sec-fetch-mode")) return field.value == "navigate";
        if (equals_ignoring_case(field.name, "x-requested-with")) return false;
    }
    return accept.find("text/html") != std::string_view::npos;
}

AuthDecision decide(const AuthAnswer& answer, const ForwardAuth& rule, bool navigation,
                    std::string_view url) {
    AuthDecision decision;
    if (answer.status < 200 || answer.status >= 500) return decision;
    if (answer.status < 300) {
        decision.kind = AuthDecision::Kind::kPass;
        for (const auto& field : answer.fields) {
            if (equals_ignoring_case(field.first, "set-cookie"))
                decision.cookies.push_back(field.second);
            const bool wanted = std::any_of(
                rule.headers.begin(), rule.headers.end(),
                [&](const std::string& one) { return equals_ignoring_case(field.first, one); });
            if (wanted) decision.fields.push_back(field);
        }
        return decision;
    }
    decision.kind = AuthDecision::Kind::kAnswer;
    decision.status = answer.status;
    const bool redirects = answer.status < 400;
    if (redirects && !navigation) {
        decision.status = 401;
        return decision;
    }
    if (answer.status == 401 && navigation && !rule.sign_in.empty()) {
        decision.status = 302;
        std::string to = rule.sign_in;
        if (const auto place = to.find("{url}"); place != std::string::npos)
            to.replace(place, 5, percent_encoded(url));
        decision.response.append("Location: ").append(to).append("\r\n");
        for (const auto& [name, value] : answer.fields) {
            if (equals_ignoring_case(name, "set-cookie"))
                decision.response.append("Set-Cookie: ").append(value).append("\r\n");
        }
        end_fields(decision.response, {});
        return decision;
    }
    for (const auto& [name, value] : answer.fields) {
        if (is_relayed(name))
            decision.response.append(name).append(": ").append(value).append("\r\n");
    }
    end_fields(decision.response, answer.body);
    decision.body = answer.body;
    return decision;
}

}  // namespace hearth::proxy
