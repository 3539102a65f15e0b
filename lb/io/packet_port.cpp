#include "lb/io/packet_port.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include "lb/core/ndp_codec.h"
#include "lb/model/arp.h"
#include "lb/model/vrrp.h"
#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"

namespace hearth::lb {
namespace {

using runtime::FileDescriptor;

constexpr std::uint32_t kAll = 0xffffffff;
constexpr std::size_t kMaxFrame = 2048;
// One wake-up handles at most so many frames, so a flood cannot starve the timers.
constexpr int kFramesPerWakeup = 64;

sock_filter statement(std::uint16_t code, std::uint32_t value) noexcept {
    return {code, 0, 0, value};
}

// Accepts the packet when the accumulator is `value`.
void accept_if(std::vector<sock_filter>& program, std::uint32_t value) {
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value});
    program.push_back(statement(BPF_RET | BPF_K, kAll));
}

Result<void> attach(int fd, std::vector<sock_filter> program) {
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
        return fail(Error::from_errno("socket filter", errno));
    return {};
}

std::vector<sock_filter> deaf() { return {statement(BPF_RET | BPF_K, 0)}; }

constexpr std::uint32_t of_packet(int what) noexcept {
    return static_cast<std::uint32_t>(SKF_AD_OFF + what);
}

// Lets through what the packet's `what` is `value` of.
void require(std::vector<sock_filter>& program, int what, std::uint32_t value) {
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, of_packet(what)));
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value});
    program.push_back(statement(BPF_RET | BPF_K, 0));
}

// Frames of this type that are for `interface` itself. A socket is also handed what arrived on its
// interface for one above it, a VLAN, a macvlan or a bridge. Tags that carry a priority and no VLAN
// are no matter.
std::vector<sock_filter> only(std::uint16_t ethertype, int interface) {
    constexpr std::uint32_t kVlan = 0x0fff;
    std::vector<sock_filter> program;
    require(program, SKF_AD_PROTOCOL, ethertype);
    require(program, SKF_AD_IFINDEX, static_cast<std::uint32_t>(interface));
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, of_packet(SKF_AD_VLAN_TAG_PRESENT)));
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 0});
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, of_packet(SKF_AD_VLAN_TAG)));
    program.push_back(statement(BPF_ALU | BPF_AND | BPF_K, kVlan));
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0});
    program.push_back(statement(BPF_RET | BPF_K, 0));
    return program;
}

// Offsets count from the network header: the sockets are SOCK_DGRAM.
// What most packets are not comes first: every one that the node forwards is seen here.
std::vector<sock_filter> vrrp_only(int interface) {
    std::vector<sock_filter> program{statement(BPF_LD | BPF_B | BPF_ABS, 9),
                                     {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kVrrpProtocol},
                                     statement(BPF_RET | BPF_K, 0)};
    for (const auto& line : only(ETH_P_IP, interface)) program.push_back(line);
    program.push_back(statement(BPF_RET | BPF_K, kAll));
    return program;
}

std::vector<sock_filter> arp_about(int interface, const std::vector<IpAddress>& addresses) {
    constexpr std::uint32_t kSenderIp = 14;
    constexpr std::uint32_t kTargetIp = 24;
    std::vector<sock_filter> program = only(ETH_P_ARP, interface);
    for (const std::uint32_t offset : {kSenderIp, kTargetIp}) {
        program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offset));
        for (const auto& address : addresses) accept_if(program, address.v4_value());
    }
    program.push_back(statement(BPF_RET | BPF_K, 0));
    return program;
}

// Neighbour discovery whose target or source ends like one of `addresses`, and VRRP.
std::vector<sock_filter> ipv6_about(int interface, const std::vector<IpAddress>& addresses) {
    constexpr std::uint32_t kNextHeader = 6;
    constexpr std::uint32_t kSourceEnd = 8 + 12;
    constexpr std::uint32_t kType = 40;
    constexpr std::uint32_t kTargetEnd = 40 + 8 + 12;
    const sock_filter drop = statement(BPF_RET | BPF_K, 0);
    std::vector<sock_filter> program = only(ETH_P_IPV6, interface);
    program.push_back(statement(BPF_LD | BPF_B | BPF_ABS, kNextHeader));
    accept_if(program, kVrrpProtocol);
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kIcmp6Protocol});
    program.push_back(drop);
    program.push_back(statement(BPF_LD | BPF_B | BPF_ABS, kType));
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 135});
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 136});
    program.push_back(drop);
    for (const std::uint32_t offset : {kTargetEnd, kSourceEnd}) {
        program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offset));
        for (const auto& address : addresses)
            accept_if(program, load_be32(address.bytes().data() + 12));
    }
    program.push_back(drop);
    return program;
}

// A socket of IP's own type is served after IP, which copies the head of each packet therefore, 6 %
// of what forwarding one costs. Those of all types come before; what leaves is not for them.
std::uint16_t cheapest_type(int fd, std::uint16_t protocol) {
    constexpr int kIgnore = 1;
    const bool is_ip = protocol != ETH_P_ARP;
    return is_ip &&
                   setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &kIgnore, sizeof kIgnore) == 0
               ? std::uint16_t{ETH_P_ALL}
               : protocol;
}

Result<FileDescriptor> open_packet_socket(int interface, std::uint16_t protocol,
                                          std::vector<sock_filter> filter) {
    // Bound to no protocol until the filter is in place: nothing unfiltered is ever queued.
    FileDescriptor fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        if (errno == EPERM)
            return fail(Errc::kRefused, "packet socket",
                        "not permitted: hearth-lb needs CAP_NET_RAW to hold a virtual IP");
        return fail(Error::from_errno("packet socket", errno));
    }
    if (auto done = attach(fd.get(), std::move(filter)); !done) return fail(done.error());
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(cheapest_type(fd.get(), protocol));
    address.sll_ifindex = interface;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail(Error::from_errno("packet socket", errno));
    return fd;
}

enum class Membership { kJoin, kLeave };

// Joining where one is a member already is no error.
Result<void> change_membership(int fd, int interface, const IpAddress& group, Membership change) {
    group_req request{};
    request.gr_interface = static_cast<std::uint32_t>(interface);
    const bool v4 = group.is_v4();
    if (v4) {
        auto& address = reinterpret_cast<sockaddr_in&>(request.gr_group);
        address.sin_family = AF_INET;
        std::memcpy(&address.sin_addr, group.bytes().data(), group.bytes().size());
    } else {
        auto& address = reinterpret_cast<sockaddr_in6&>(request.gr_group);
        address.sin6_family = AF_INET6;
        std::memcpy(&address.sin6_addr, group.bytes().data(), group.bytes().size());
    }
    const int option = change == Membership::kJoin ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
    if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, option, &request, sizeof request) < 0 &&
        errno != EADDRINUSE)
        return fail(Error::from_errno("joining " + group.to_string(), errno));
    return {};
}

// Joins the VRRP group by IGMP or MLD, so that switches deliver it, and stands for protocol 112 so
// that the kernel does not answer adverts with ICMP "protocol unreachable". Reads nothing.
Result<FileDescriptor> open_group_member(int interface, IpFamily family) {
    const int domain = family == IpFamily::kV4 ? AF_INET : AF_INET6;
    FileDescriptor fd(socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, kVrrpProtocol));
    if (!fd) return fail(Error::from_errno("raw socket", errno));
    if (auto done = attach(fd.get(), deaf()); !done) return fail(done.error());
    if (auto done = change_membership(fd.get(), interface, vrrp_group(family), Membership::kJoin);
        !done)
        return fail(done.error());
    return fd;
}

Delivery delivery_of(const sockaddr_ll& from) noexcept {
    switch (from.sll_pkttype) {
        case PACKET_HOST: return Delivery::kToUs;
        case PACKET_BROADCAST: return Delivery::kBroadcast;
        case PACKET_MULTICAST: return Delivery::kMulticast;
        default: return Delivery::kOtherHost;
    }
}

MacAddress mac_of(const sockaddr_ll& from) noexcept {
    MacAddress mac;
    if (from.sll_halen == mac.octets.size())
        std::memcpy(mac.octets.data(), from.sll_addr, mac.octets.size());
    return mac;
}

}  // namespace

struct PacketPort::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& event_loop, int ifindex, Handlers h)
        : loop(event_loop), interface(ifindex), handlers(std::move(h)) {}

    using Descriptor = boost::asio::posix::stream_descriptor;
    using Received = void (Impl::*)(ByteView, const sockaddr_ll&);

    Result<void> open_ipv4();
    Result<void> open_ipv6();
    Result<void> hear_about_ipv6(const std::vector<IpAddress>& addresses,
                                 const std::vector<IpAddress>& vips);

    void wait(Descriptor& descriptor, Received received) {
        descriptor.async_wait(
            Descriptor::wait_read, [self = shared_from_this(), &descriptor,
                                    received](const boost::system::error_code& error) {
                if (error || self->closed) return;
                for (int i = 0; i < kFramesPerWakeup && self->receive(descriptor, received); ++i) {
                }
                if (!self->closed) self->wait(descriptor, received);
            });
    }

    bool receive(Descriptor& descriptor, Received received) {
        if (closed) return false;
        std::array<std::uint8_t, kMaxFrame> buffer;
        sockaddr_ll from{};
        socklen_t from_size = sizeof from;
        const auto size = recvfrom(descriptor.native_handle(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
        // ENETDOWN is reported once when the interface goes; rtnetlink tells the rest.
        if (size < 0) return errno == ENETDOWN || errno == EINTR;
        (this->*received)({buffer.data(), static_cast<std::size_t>(size)}, from);
        return true;
    }

    void on_arp(ByteView bytes, const sockaddr_ll& from) {
        handlers.on_arp(bytes, delivery_of(from));
    }
    void on_ipv4(ByteView bytes, const sockaddr_ll& from) { handlers.on_vrrp(bytes, mac_of(from)); }
    void on_ipv6(ByteView bytes, const sockaddr_ll& from) {
        constexpr std::size_t kNextHeader = 6;
        if (bytes.size() > kNextHeader && bytes[kNextHeader] == kIcmp6Protocol)
            handlers.on_ndp(bytes, mac_of(from), delivery_of(from));
        else
            handlers.on_vrrp(bytes, mac_of(from));
    }

    [[nodiscard]] int socket_for(EtherType type) {
        switch (type) {
            case EtherType::kArp: return arp->native_handle();
            case EtherType::kIpv4: return ipv4->native_handle();
            case EtherType::kIpv6: return ipv6 ? ipv6->native_handle() : -1;
        }
        return -1;
    }

    runtime::EventLoop& loop;
    int interface;
    std::optional<Descriptor> arp;
    std::optional<Descriptor> ipv4;
    std::optional<Descriptor> ipv6;
    FileDescriptor ipv4_member;
    FileDescriptor ipv6_member;
    std::set<IpAddress> joined;  // solicited-node groups; VIPs that end alike share one
    Handlers handlers;
    std::uint64_t failures = 0;
    bool closed = false;
};

Result<void> PacketPort::Impl::open_ipv4() {
    auto arp_fd = open_packet_socket(interface, ETH_P_ARP, deaf());
    if (!arp_fd) return fail(arp_fd.error());
    auto vrrp_fd = open_packet_socket(interface, ETH_P_IP, vrrp_only(interface));
    if (!vrrp_fd) return fail(vrrp_fd.error());
    auto member = open_group_member(interface, IpFamily::kV4);
    if (!member) return fail(member.error());
    ipv4_member = std::move(*member);
    wait(arp.emplace(loop.context(), arp_fd->release()), &Impl::on_arp);
    wait(ipv4.emplace(loop.context(), vrrp_fd->release()), &Impl::on_ipv4);
    return {};
}

Result<void> PacketPort::Impl::open_ipv6() {
    if (ipv6) return {};
    auto fd = open_packet_socket(interface, ETH_P_IPV6, deaf());
    if (!fd) return fail(fd.error());
    auto member = open_group_member(interface, IpFamily::kV6);
    if (!member) return fail(member.error());
    ipv6_member = std::move(*member);
    wait(ipv6.emplace(loop.context(), fd->release()), &Impl::on_ipv6);
    return {};
}

Result<void> PacketPort::Impl::hear_about_ipv6(const std::vector<IpAddress>& addresses,
                                               const std::vector<IpAddress>& vips) {
    if (addresses.empty() && !ipv6) return {};
    if (auto done = open_ipv6(); !done) return done;
    std::set<IpAddress> wanted;
    for (const auto& vip : vips)
        if (vip.is_v6()) wanted.insert(solicited_node_group(vip));
    Result<void> outcome;
    const auto change = [&](const IpAddress& group, Membership membership) {
        if (auto done = change_membership(ipv6_member.get(), interface, group, membership); !done)
            outcome = std::move(done);
    };
    for (const auto& group : wanted)
        if (!joined.contains(group)) change(group, Membership::kJoin);
    for (const auto& group : joined)
        if (!wanted.contains(group)) change(group, Membership::kLeave);
    joined = std::move(wanted);
    if (!outcome) return outcome;
    return attach(ipv6->native_handle(), ipv6_about(interface, addresses));
}

PacketPort::PacketPort(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

PacketPort::~PacketPort() {
    impl_->closed = true;
    boost::system::error_code ignored;
    for (auto* descriptor : {&impl_->arp, &impl_->ipv4, &impl_->ipv6})
        if (*descriptor) (*descriptor)->close(ignored);
}

Result<std::unique_ptr<PacketPort>> PacketPort::open(runtime::EventLoop& loop, int interface,
                                                     Handlers handlers) {
    auto impl = std::make_shared<Impl>(loop, interface, std::move(handlers));
    if (auto done = impl->open_ipv4(); !done) return fail(done.error());
    return std::unique_ptr<PacketPort>(new PacketPort(std::move(impl)));
}

Result<void> PacketPort::hear_about(const std::vector<IpAddress>& addresses,
                                    const std::vector<IpAddress>& vips) {
    std::vector<IpAddress> v4;
    std::vector<IpAddress> v6;
    for (const auto& address : addresses) (address.is_v4() ? v4 : v6).push_back(address);
    if (auto done = attach(impl_->arp->native_handle(), arp_about(impl_->interface, v4)); !done)
        return done;
    return impl_->hear_about_ipv6(v6, vips);
}

void PacketPort::send(const Frame& frame) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(static_cast<std::uint16_t>(frame.type));
    to.sll_ifindex = impl_->interface;
    to.sll_halen = ETH_ALEN;
    std::memcpy(to.sll_addr, frame.destination.octets.data(), ETH_ALEN);
    if (sendto(impl_->socket_for(frame.type), frame.payload.data(), frame.payload.size(), 0,
               reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0)
        ++impl_->failures;
}

std::uint64_t PacketPort::send_failures() const noexcept { return impl_->failures; }

}  // namespace hearth::lb
