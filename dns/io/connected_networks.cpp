#include "dns/io/connected_networks.h"

#include <ifaddrs.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

int mask_length(const sockaddr& mask, IpFamily family) {
    const auto octets = family == IpFamily::kV4
                            ? ByteView{reinterpret_cast<const std::uint8_t*>(
                                           &reinterpret_cast<const sockaddr_in&>(mask).sin_addr),
                                       4}
                            : ByteView{reinterpret_cast<const std::uint8_t*>(
                                           &reinterpret_cast<const sockaddr_in6&>(mask).sin6_addr),
                                       16};
    int length = 0;
    for (const std::uint8_t octet : octets) length += std::popcount(octet);
    return length;
}

template <class Visit>
void each_address(Visit visit) {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, ::freeifaddrs);
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr || at->ifa_netmask == nullptr) continue;
        const Endpoint endpoint = runtime::from_socket_address(*at->ifa_addr);
        if (!endpoint.address.is_unspecified()) visit(endpoint.address, *at->ifa_netmask);
    }
}

}  // namespace

std::vector<IpPrefix> connected_networks() {
    std::vector<IpPrefix> networks;
    each_address([&](const IpAddress& address, const sockaddr& mask) {
        const int length = mask_length(mask, address.family());
        if (length == 0 || length >= address.bit_length()) return;
        networks.emplace_back(address, length);
    });
    std::sort(networks.begin(), networks.end());
    networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
    return networks;
}

std::vector<IpAddress> own_addresses() {
    std::vector<IpAddress> addresses;
    each_address([&](const IpAddress& address, const sockaddr&) { addresses.push_back(address); });
    return addresses;
}

}  // namespace hearth::dns
