#include "lb/io/route_message.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <array>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace hearth::lb {
namespace {

constexpr unsigned kLowerUp = 1U << 16;  // IFF_LOWER_UP, which <net/if.h> lacks

// The attributes of one message, or within one of them, by type; absent ones are null.
using Attributes = std::array<const nlattr*, 64>;

int keep_attribute(const nlattr* attribute, void* into) {
    const std::uint16_t type = mnl_attr_get_type(attribute);
    auto& all = *static_cast<Attributes*>(into);
    if (type < all.size()) all[type] = attribute;
    return MNL_CB_OK;
}

template <class Header>
Attributes attributes_of(const nlmsghdr* message) {
    Attributes found{};
    mnl_attr_parse(message, sizeof(Header), keep_attribute, &found);
    return found;
}

Attributes inside(const nlattr* nest) {
    Attributes found{};
    if (nest != nullptr) mnl_attr_parse_nested(nest, keep_attribute, &found);
    return found;
}

template <class Header>
const Header* header_of(const nlmsghdr* message) {
    if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
    return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

ByteView payload(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
            mnl_attr_get_payload_len(attribute)};
}

std::string_view text(const nlattr* attribute) {
    const ByteView octets = payload(attribute);
    const std::string_view whole(reinterpret_cast<const char*>(octets.data()), octets.size());
    return whole.substr(0, whole.find('\0'));
}

IpAddress address_of(const nlattr* attribute) {
    const ByteView octets = payload(attribute);
    if (octets.size() != 4 && octets.size() != 16) return {};
    return IpAddress::from_bytes(octets);
}

// The interface's IPv4 settings: an array indexed by IPV4_DEVCONF_* - 1.
using Ipv4Settings = std::array<std::int32_t, IPV4_DEVCONF_ARP_IGNORE>;

Ipv4Settings ipv4_settings(const nlattr* families) {
    Ipv4Settings values{};
    const ByteView settings = payload(inside(inside(families)[AF_INET])[IFLA_INET_CONF]);
    if (settings.size() >= sizeof values)
        std::memcpy(values.data(), settings.data(), sizeof values);
    return values;
}

}  // namespace

std::optional<Interface> parse_link(const nlmsghdr* message) {
    const auto* header = header_of<ifinfomsg>(message);
    if (header == nullptr) return std::nullopt;
    const Attributes attributes = attributes_of<ifinfomsg>(message);
    Interface link;
    link.index = header->ifi_index;
    link.name = text(attributes[IFLA_IFNAME]);
    const ByteView mac = payload(attributes[IFLA_ADDRESS]);
    if (mac.size() == link.mac.octets.size())
        std::memcpy(link.mac.octets.data(), mac.data(), mac.size());
    constexpr unsigned kUp = IFF_UP | kLowerUp;
    if ((header->ifi_flags & kUp) == kUp) link.carrier = Interface::Carrier::kPresent;
    const bool enslaved = attributes[IFLA_MASTER] != nullptr;
    const bool ethernet = header->ifi_type == ARPHRD_ETHER && !link.mac.is_zero();
    if (ethernet && !enslaved && (header->ifi_flags & (IFF_NOARP | IFF_LOOPBACK)) == 0)
        link.arp = Interface::Arp::kAble;
    const auto settings = ipv4_settings(attributes[IFLA_AF_SPEC]);
    if (settings[IPV4_DEVCONF_ARP_IGNORE - 1] == 1 && settings[IPV4_DEVCONF_ARP_ANNOUNCE - 1] == 2)
        link.vips = Interface::Vips::kQuiet;
    if (settings[IPV4_DEVCONF_FORWARDING - 1] == 1) link.transit = Interface::Transit::kForwarded;
    return link;
}

std::optional<InterfaceAddress> parse_address(const nlmsghdr* message) {
    const auto* header = header_of<ifaddrmsg>(message);
    if (header == nullptr) return std::nullopt;
    constexpr unsigned kDoubt = IFA_F_TENTATIVE | IFA_F_DADFAILED;
    if ((header->ifa_flags & kDoubt) != 0 && (header->ifa_flags & IFA_F_OPTIMISTIC) == 0)
        return std::nullopt;
    const Attributes attributes = attributes_of<ifaddrmsg>(message);
    InterfaceAddress found;
    found.interface = static_cast<int>(header->ifa_index);
    // IFA_ADDRESS is the far end on point-to-point links; IFA_LOCAL is ours.
    found.address = address_of(attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL]
                                                                : attributes[IFA_ADDRESS]);
    if (found.address.is_unspecified() || header->ifa_prefixlen > found.address.bit_length())
        return std::nullopt;
    found.prefix_length = header->ifa_prefixlen;
    const ByteView protocol = payload(attributes[kAddressProtocol]);
    if (text(attributes[IFA_LABEL]) == kVipLabel ||
        (protocol.size() == 1 && protocol[0] == kVipProtocol))
        found.owner = InterfaceAddress::Owner::kHearth;
    return found;
}

std::optional<UnansweredNeighbour> parse_neighbour(const nlmsghdr* message) {
    const auto* header = header_of<ndmsg>(message);
    if (header == nullptr || header->ndm_state != NUD_INCOMPLETE) return std::nullopt;
    const Attributes attributes = attributes_of<ndmsg>(message);
    nda_cacheinfo times{};
    const ByteView info = payload(attributes[NDA_CACHEINFO]);
    if (info.size() < sizeof times) return std::nullopt;
    std::memcpy(&times, info.data(), sizeof times);
    constexpr std::int64_t kTicksPerSecond = 100;  // USER_HZ
    UnansweredNeighbour found;
    found.interface = header->ndm_ifindex;
    found.address = address_of(attributes[NDA_DST]);
    found.age = Duration(std::chrono::seconds(times.ndm_updated)) / kTicksPerSecond;
    if (found.address.is_unspecified()) return std::nullopt;
    return found;
}

}  // namespace hearth::lb
