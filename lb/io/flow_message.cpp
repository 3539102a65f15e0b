#include "lb/io/flow_message.h"

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <array>

#include "base/bytes.h"

namespace hearth::lb {
namespace {

using Attributes = std::array<const nlattr*, 32>;

int keep_attribute(const nlattr* attribute, void* into) {
    auto& all = *static_cast<Attributes*>(into);
    const std::uint16_t type = mnl_attr_get_type(attribute);
    if (type < all.size()) all[type] = attribute;
    return MNL_CB_OK;
}

Attributes attributes_of(const nlmsghdr* message) {
    Attributes all{};
    mnl_attr_parse(message, sizeof(nfgenmsg), keep_attribute, &all);
    return all;
}

Attributes inside(const nlattr* nest) {
    Attributes all{};
    if (nest != nullptr) mnl_attr_parse_nested(nest, keep_attribute, &all);
    return all;
}

ByteView payload(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
            mnl_attr_get_payload_len(attribute)};
}

std::uint32_t number(const nlattr* attribute) {
    const ByteView octets = payload(attribute);
    return octets.size() == 4 ? load_be32(octets.data()) : 0;
}

std::optional<Endpoint> endpoint(ByteView v4, ByteView v6, ByteView port) {
    const ByteView address = v4.empty() ? v6 : v4;
    if ((address.size() != 4 && address.size() != 16) || port.size() != 2) return std::nullopt;
    return Endpoint{IpAddress::from_bytes(address), load_be16(port.data())};
}

struct Tuple {
    std::uint8_t protocol = 0;
    std::optional<Endpoint> source;
    std::optional<Endpoint> destination;
};

Tuple tuple_of(const nlattr* nest) {
    const Attributes parts = inside(nest);
    const Attributes ip = inside(parts[CTA_TUPLE_IP]);
    const Attributes protocol = inside(parts[CTA_TUPLE_PROTO]);
    const ByteView kind = payload(protocol[CTA_PROTO_NUM]);
    return {kind.size() == 1 ? kind[0] : std::uint8_t{0},
            endpoint(payload(ip[CTA_IP_V4_SRC]), payload(ip[CTA_IP_V6_SRC]),
                     payload(protocol[CTA_PROTO_SRC_PORT])),
            endpoint(payload(ip[CTA_IP_V4_DST]), payload(ip[CTA_IP_V6_DST]),
                     payload(protocol[CTA_PROTO_DST_PORT]))};
}

void append(std::vector<std::uint8_t>& name, const nlattr* attribute) {
    if (attribute == nullptr) return;
    const auto* octets = reinterpret_cast<const std::uint8_t*>(attribute);
    name.insert(name.end(), octets, octets + attribute->nla_len);
    name.resize((name.size() + 3) / 4 * 4);
}

Endpoint endpoint_of(const __be32* address, __be16 port, std::uint8_t family) {
    const std::size_t size = family == AF_INET ? 4 : 16;
    return {IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(address), size}),
            ntohs(port)};
}

}  // namespace

std::optional<TrackedFlow> parse_tracked_flow(const nlmsghdr* message) {
    const Attributes parts = attributes_of(message);
    const Tuple original = tuple_of(parts[CTA_TUPLE_ORIG]);
    const Tuple reply = tuple_of(parts[CTA_TUPLE_REPLY]);
    const bool is_known = original.protocol == IPPROTO_TCP || original.protocol == IPPROTO_UDP;
    if (!is_known || !original.source || !original.destination || !reply.source)
        return std::nullopt;
    TrackedFlow flow{static_cast<FlowProtocol>(original.protocol),
                     *original.source,
                     *original.destination,
                     *reply.source,
                     {}};
    append(flow.name, parts[CTA_TUPLE_ORIG]);
    append(flow.name, parts[CTA_ZONE]);
    return flow;
}

std::optional<FlowCount> parse_flow_count(const nlmsghdr* message) {
    const Attributes parts = attributes_of(message);
    if (parts[CTA_STATS_GLOBAL_MAX_ENTRIES] == nullptr) return std::nullopt;  // before Linux 4.18
    return FlowCount{number(parts[CTA_STATS_GLOBAL_ENTRIES]),
                     number(parts[CTA_STATS_GLOBAL_MAX_ENTRIES])};
}

std::optional<LocalSocket> parse_local_socket(const nlmsghdr* message) {
    if (mnl_nlmsg_get_payload_len(message) < sizeof(inet_diag_msg)) return std::nullopt;
    const auto* found = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
    const inet_diag_sockid& id = found->id;
    return LocalSocket{endpoint_of(id.idiag_src, id.idiag_sport, found->idiag_family),
                       endpoint_of(id.idiag_dst, id.idiag_dport, found->idiag_family)};
}

}  // namespace hearth::lb
