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

// Offsets count from the network header: the sockets are SOCK_DGRAM.
std::vector<sock_filter> vrrp_only() {
    std::vector<sock_filter> program{statement(BPF_LD | BPF_B | BPF_ABS, 9)};
    accept_if(program, kVrrpProtocol);
    program.push_back(statement(BPF_RET | BPF_K, 0));
    return program;
}

std::vector<sock_filter> arp_about(const std::vector<IpAddress>& addresses) {
    constexpr std::uint32_t kSenderIp = 14;
    constexpr std::uint32_t kTargetIp = 24;
    std::vector<sock_filter> program;
    for (const std::uint32_t offset : {kSenderIp, kTargetIp}) {
        program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offset));
        for (const auto& address : addresses) accept_if(program, address.v4_value());
    }
    program.push_back(statement(BPF_RET | BPF_K, 0));
    return program;
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
    address.sll_protocol = htons(protocol);
    address.sll_ifindex = interface;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail(Error::from_errno("packet socket", errno));
    return fd;
}

// Joins the VRRP group by IGMP, so that switches deliver it, and stands for protocol 112 so
// that the kernel does not answer adverts with ICMP "protocol unreachable". Reads nothing.
Result<FileDescriptor> open_group_member(int interface) {
    FileDescriptor fd(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, kVrrpProtocol));
    if (!fd) return fail(Error::from_errno("raw socket", errno));
    if (auto done = attach(fd.get(), deaf()); !done) return fail(done.error());
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = htonl(vrrp_group().v4_value());
    group.imr_ifindex = interface;
    if (setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) < 0 &&
        errno != EADDRINUSE)
        return fail(Error::from_errno("joining 224.0.0.18", errno));
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
    Impl(runtime::EventLoop& loop, int ifindex, FileDescriptor arp_fd, FileDescriptor vrrp_fd,
         FileDescriptor member, Handlers h)
        : interface(ifindex),
          arp(loop.context(), arp_fd.release()),
          vrrp(loop.context(), vrrp_fd.release()),
          group_member(std::move(member)),
          handlers(std::move(h)) {}

    using Descriptor = boost::asio::posix::stream_descriptor;

    void wait(Descriptor& descriptor) {
        descriptor.async_wait(Descriptor::wait_read, [self = shared_from_this(), &descriptor](
                                                         const boost::system::error_code& error) {
            if (error || self->closed) return;
            for (int i = 0; i < kFramesPerWakeup && self->receive(descriptor); ++i) {
            }
            if (!self->closed) self->wait(descriptor);
        });
    }

    bool receive(Descriptor& descriptor) {
        if (closed) return false;
        std::array<std::uint8_t, kMaxFrame> buffer;
        sockaddr_ll from{};
        socklen_t from_size = sizeof from;
        const auto size = recvfrom(descriptor.native_handle(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
        // ENETDOWN is reported once when the interface goes; rtnetlink tells the rest.
        if (size < 0) return errno == ENETDOWN || errno == EINTR;
        const ByteView bytes{buffer.data(), static_cast<std::size_t>(size)};
        if (&descriptor == &arp)
            handlers.on_arp(bytes, delivery_of(from));
        else
            handlers.on_vrrp(bytes, mac_of(from));
        return true;
    }

    int interface;
    Descriptor arp;
    Descriptor vrrp;
    FileDescriptor group_member;
    Handlers handlers;
    std::uint64_t failures = 0;
    bool closed = false;
};

PacketPort::PacketPort(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

PacketPort::~PacketPort() {
    impl_->closed = true;
    boost::system::error_code ignored;
    impl_->arp.close(ignored);
    impl_->vrrp.close(ignored);
}

Result<std::unique_ptr<PacketPort>> PacketPort::open(runtime::EventLoop& loop, int interface,
                                                     Handlers handlers) {
    auto arp = open_packet_socket(interface, ETH_P_ARP, deaf());
    if (!arp) return fail(arp.error());
    auto vrrp = open_packet_socket(interface, ETH_P_IP, vrrp_only());
    if (!vrrp) return fail(vrrp.error());
    auto member = open_group_member(interface);
    if (!member) return fail(member.error());
    auto impl = std::make_shared<Impl>(loop, interface, std::move(*arp), std::move(*vrrp),
                                       std::move(*member), std::move(handlers));
    impl->wait(impl->arp);
    impl->wait(impl->vrrp);
    return std::unique_ptr<PacketPort>(new PacketPort(std::move(impl)));
}

Result<void> PacketPort::hear_arp_about(const std::vector<IpAddress>& addresses) {
    return attach(impl_->arp.native_handle(), arp_about(addresses));
}

void PacketPort::send(const Frame& frame) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(static_cast<std::uint16_t>(frame.type));
    to.sll_ifindex = impl_->interface;
    to.sll_halen = ETH_ALEN;
    std::memcpy(to.sll_addr, frame.destination.octets.data(), ETH_ALEN);
    const int fd =
        frame.type == EtherType::kArp ? impl_->arp.native_handle() : impl_->vrrp.native_handle();
    if (sendto(fd, frame.payload.data(), frame.payload.size(), 0,
               reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0)
        ++impl_->failures;
}

std::uint64_t PacketPort::send_failures() const noexcept { return impl_->failures; }

}  // namespace hearth::lb
