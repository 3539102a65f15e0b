#include "cli/middleware_text.h"

#include <vector>

#include "config/codec.h"

namespace hearth::cli {
namespace {

std::string rate_text(const config::RequestRate& rate, const std::string& whose) {
    return std::to_string(rate.count) + " in " + config::print_duration(rate.period) + whose;
}

// In the order of proxy-middleware.md, whatever stands first in the document.
class Chain {
public:
    void add_gates(const config::Middleware& one) {
        std::string networks;
        for (const IpPrefix& network : one.allow)
            networks += (networks.empty() ? "" : ", ") + network.to_string();
        if (!networks.empty()) gates_.push_back("only from " + networks);
    }
    void add_limits(const config::Middleware& one) {
        const config::RateLimits& rate = one.rate_limit;
        if (rate.client.count != 0) gates_.push_back(rate_text(rate.client, " for each client"));
        if (rate.service.count != 0) gates_.push_back(rate_text(rate.service, " for all"));
        if (one.body_limit != 0)
            sizes_.push_back("bodies to " + config::print_size(one.body_limit));
        if (one.basic_auth) password_ = "password";
        if (one.forward_auth) asks_ = "asks " + one.forward_auth->service;
    }
    [[nodiscard]] std::string text() const {
        std::vector<std::string> all = gates_;
        all.insert(all.end(), sizes_.begin(), sizes_.end());
        if (!password_.empty()) all.push_back(password_);
        if (!asks_.empty()) all.push_back(asks_);
        std::string text;
        for (const std::string& one : all) text += (text.empty() ? "" : " -> ") + one;
        return text;
    }

private:
    std::vector<std::string> gates_;
    std::vector<std::string> sizes_;
    std::string password_;
    std::string asks_;
};

}  // namespace

std::string middleware_text(const config::Service& service) {
    Chain chain;
    for (const config::Middleware& one : service.middleware) chain.add_gates(one);
    for (const config::Middleware& one : service.middleware) chain.add_limits(one);
    return chain.text();
}

}  // namespace hearth::cli
