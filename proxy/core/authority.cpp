#include "proxy/core/authority.h"

#include <algorithm>

#include "base/ip.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// Where the host ends and ":port", if any, begins.
std::size_t host_end(std::string_view authority) noexcept {
    if (!authority.empty() && authority.front() == '[') {
        const auto bracket = authority.find(']');
        return bracket == std::string_view::npos ? 0 : bracket + 1;
    }
    return std::min(authority.find(':'), authority.size());
}

bool is_host(std::string_view host) noexcept {
    if (host.empty() || host.size() > kMaxHost) return false;
    if (host.front() == '[') {
        const auto address = IpAddress::parse(host.substr(1, host.size() - 2));
        return address && address->is_v6();
    }
    return all_of(host, octet_class::kHost) && host.front() != '.';
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
    const std::size_t end = host_end(text);
    if (!is_host(text.substr(0, end))) return false;
    // An empty port is allowed by the grammar ("host:").
    const std::string_view port = text.substr(end);
    return port.empty() || port == ":" || (port.front() == ':' && parse_port(port.substr(1)));
}

std::string_view host_of(std::string_view authority) noexcept {
    std::string_view host = authority.substr(0, host_end(authority));
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    return host;
}

}  // namespace hearth::proxy
