#include "proxy/core/real_client.h"

#include <algorithm>

#include "proxy/core/authority.h"
#include "proxy/core/forwarded.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// The rightmost address of X-Forwarded-For that is not one of our proxies.
IpAddress client_in_list(const HeaderTable& headers, const IpAddress& peer,
                         const std::vector<IpPrefix>& trusted) noexcept {
    IpAddress client = peer;
    const auto fields = headers.fields();
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
        if (field->id != HeaderId::kXForwardedFor) continue;
        std::string_view list = field->value;
        while (!list.empty()) {
            const auto comma = list.rfind(',');
            const auto start = comma == std::string_view::npos ? 0 : comma + 1;
            const auto address = IpAddress::parse(trimmed(list.substr(start)));
            if (!address) return client;
            client = *address;
            if (!is_trusted(client, trusted)) return client;
            list = list.substr(0, start == 0 ? 0 : comma);
        }
    }
    return client;
}

void believe_forwarded(const RequestHead& head, const std::vector<IpPrefix>& trusted,
                       Origin& origin) noexcept {
    const ForwardedChain chain = ForwardedChain::of(head.headers);
    const auto elements = chain.elements();
    for (auto element = elements.rbegin(); element != elements.rend(); ++element) {
        // A proxy that hides its client leaves us with itself.
        if (!element->client) return;
        origin.client = *element->client;
        if (element->proto == "http" || element->proto == "https") origin.scheme = element->proto;
        if (is_authority(element->host)) origin.host = element->host;
        if (!is_trusted(origin.client, trusted)) return;
    }
}

void believe_x_forwarded(const RequestHead& head, const std::vector<IpPrefix>& trusted,
                         Origin& origin) noexcept {
    const auto value = [&head](HeaderId id) {
        const HeaderField* field = head.headers.find(id);
        return field != nullptr ? field->value : std::string_view{};
    };
    origin.client = client_in_list(head.headers, origin.client, trusted);
    const std::string_view scheme = value(HeaderId::kXForwardedProto);
    if (scheme == "http" || scheme == "https") origin.scheme = scheme;
    const std::string_view host = value(HeaderId::kXForwardedHost);
    if (is_authority(host)) origin.host = host;
    const std::string_view port = value(HeaderId::kXForwardedPort);
    if (parse_port(port)) origin.port = port;
}

void append_node(std::string& out, const IpAddress& address) {
    out.append(address.is_v4() ? "for=" : "for=\"[").append(address.to_string());
    if (address.is_v6()) out.append("]\"");
}

std::vector<IpAddress> earlier_addresses(const RequestHead& head, const Peer& peer) {
    std::vector<IpAddress> all;
    if (!peer.trusted) return all;
    if (peer.header == TrustedHeader::kForwarded) {
        const ForwardedChain chain = ForwardedChain::of(head.headers);
        for (const ForwardedElement& element : chain.elements()) {
            if (element.client) all.push_back(*element.client);
        }
        return all;
    }
    for (const HeaderField& field : head.headers.fields()) {
        if (field.id != HeaderId::kXForwardedFor) continue;
        std::string_view list = field.value;
        for (auto item = take_element(list); !item.empty(); item = take_element(list)) {
            if (const auto address = IpAddress::parse(item)) all.push_back(*address);
        }
    }
    return all;
}

}  // namespace

bool is_trusted(const IpAddress& address, const std::vector<IpPrefix>& trusted) noexcept {
    return std::any_of(trusted.begin(), trusted.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

Origin origin_of(const RequestHead& head, const Peer& peer,
                 const std::vector<IpPrefix>& trusted) noexcept {
    Origin origin{peer.address, peer.scheme, head.authority, {}};
    if (!peer.trusted) return origin;
    if (peer.header == TrustedHeader::kForwarded) {
        believe_forwarded(head, trusted, origin);
    } else {
        believe_x_forwarded(head, trusted, origin);
    }
    return origin;
}

std::string passed_addresses(const RequestHead& head, const Peer& peer) {
    std::string out;
    for (const IpAddress& address : earlier_addresses(head, peer))
        out.append(address.to_string()).append(", ");
    return out.append(peer.text);
}

std::string forwarded_field(const RequestHead& head, const Peer& peer) {
    std::string out;
    for (const IpAddress& address : earlier_addresses(head, peer)) {
        append_node(out, address);
        out.append(", ");
    }
    append_node(out, peer.address);
    out.append(";host=\"").append(head.authority).append("\";proto=").append(peer.scheme);
    return out;
}

}  // namespace hearth::proxy
