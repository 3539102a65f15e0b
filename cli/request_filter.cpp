#include "cli/request_filter.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "cli/daemons.h"

namespace hearth::cli {
namespace {

bool is_status(const std::string& text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
    return text.ends_with("xx") || (is_digit(text[1]) && is_digit(text[2]));
}

}  // namespace

std::vector<Option> RequestFilter::options() {
    return {{"--service", "NAME", "proxy: of this service."},
            {"--status", "STATUS", "proxy: answered so, as in 502 or 5xx."},
            {"--failed", "", "proxy: those that a hop failed."}};
}

Result<RequestFilter> RequestFilter::from(const Invocation& invocation) {
    RequestFilter filter;
    filter.service_ = invocation.option_or("--service", "");
    filter.status_ = invocation.option_or("--status", "");
    if (!filter.status_.empty() && !is_status(filter.status_))
        return fail(Errc::kInvalid, "--status", filter.status_ + " is no status, as in 502 or 5xx");
    if (invocation.has("--failed")) filter.kind_ = Kind::kFailed;
    const std::string client = invocation.option_or("--client", "");
    if (client.empty()) return filter;
    filter.client_ = IpPrefix::parse(client);
    if (!filter.client_)
        return fail(Errc::kInvalid, "--client", client + " is no address or network");
    return filter;
}

bool RequestFilter::is_empty() const noexcept {
    return service_.empty() && status_.empty() && !client_ && kind_ == Kind::kAny;
}

bool RequestFilter::has_status(std::int64_t status) const {
    if (status_.empty()) return true;
    const std::string text = std::to_string(status);
    return status_.ends_with("xx") ? text.starts_with(status_.substr(0, 1)) : text == status_;
}

bool RequestFilter::matches(const boost::json::value& event) const {
    if (!service_.empty() && text_of(event, "service") != service_) return false;
    if (kind_ == Kind::kFailed && text_of(event, "reason").empty()) return false;
    if (client_) {
        const auto address = IpAddress::parse(text_of(event, "client"));
        if (!address || !client_->contains(*address)) return false;
    }
    return has_status(number_of(event, "status"));
}

}  // namespace hearth::cli
