#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/core/real_client.h"
#include "proxy/model/message.h"
#include "proxy/model/policy.h"

// What another service is asked about a request, and what its answer means. The contracts of
// Authelia, Authentik and oauth2-proxy: GET without a body, the client's header fields, and
// X-Forwarded-{For,Method,Proto,Host,Port,Uri} of the request; 2xx lets it pass.
namespace hearth::proxy {

// The question, as it is written to the service at `host`.
[[nodiscard]] std::string auth_question(const RequestHead& head, const Peer& peer,
                                        const Origin& origin, std::string_view target,
                                        std::string_view host, std::string_view path);

// The answer, copied.
struct AuthAnswer {
    int status = 0;  // 0: there was none
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
};

// A page that somebody looks at can be sent elsewhere; a program, a script or a WebSocket cannot.
[[nodiscard]] bool is_navigation(const RequestHead& head) noexcept;

struct AuthDecision {
    enum class Kind : std::uint8_t {
        kPass,         // `fields` go into the request, `cookies` into the answer
        kAnswer,       // `response` is what the client gets
        kUnavailable,  // nobody said yes
    };
    Kind kind = Kind::kUnavailable;
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> cookies;
    int status = 0;
    std::string response;  // header fields and the empty line, without a status line
    std::string body;      // behind it, unless HEAD asks
};

[[nodiscard]] AuthDecision decide(const AuthAnswer& answer, const ForwardAuth& rule,
                                  bool navigation, std::string_view url);

}  // namespace hearth::proxy
