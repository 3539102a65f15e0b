#include "dns/io/connected_networks.h"

#include <ifaddrs.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <string_view>

#include "runtime/file_descriptor.h"
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
        if (!endpoint.address.is_unspecified())
            visit(std::string_view(at->ifa_name), endpoint.address, *at->ifa_netmask);
    }
}

template <class Wanted>
std::vector<IpPrefix> networks_where(Wanted wanted) {
    std::vector<IpPrefix> networks;
    each_address([&](std::string_view interface, const IpAddress& address, const sockaddr& mask) {
        if (!wanted(interface)) return;
        const int length = mask_length(mask, address.family());
        if (length == 0 || length >= address.bit_length()) return;
        networks.emplace_back(address, length);
    });
    std::sort(networks.begin(), networks.end());
    networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
    return networks;
}

}  // namespace

std::vector<IpPrefix> connected_networks() {
    return networks_where([](std::string_view) { return true; });
}

std::vector<IpPrefix> networks_of(const std::string& interface) {
    return networks_where([&](std::string_view name) { return name == interface; });
}

bool has_route_to(const IpAddress& address) {
    const auto remote = runtime::to_socket_address({address, 53});
    const runtime::FileDescriptor socket(
        ::socket(remote.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return socket && ::connect(socket.get(), &remote.any, remote.size) == 0;
}

std::vector<IpAddress> own_addresses() {
    std::vector<IpAddress> addresses;
    each_address([&](std::string_view, const IpAddress& address, const sockaddr&) {
        addresses.push_back(address);
    });
    return addresses;
}

}  // namespace hearth::dns
