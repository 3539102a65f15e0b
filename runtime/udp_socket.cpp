#include "runtime/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"
#include "runtime/socket_address.h"

namespace hearth::runtime {

namespace {

constexpr int kRoundsPerTurn = 8;
constexpr std::size_t kMaxBatch = 1024;  // UIO_MAXIOV
constexpr std::size_t kCacheLine = 64;

struct alignas(cmsghdr) ControlBuffer {
    std::uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

// An odd number of cache lines, so that the beginnings of neighbouring slots, the only part most
// datagrams touch, do not all fall into the same cache set.
std::size_t slot_stride(std::size_t size) {
    return (((size + kCacheLine - 1) / kCacheLine) | 1U) * kCacheLine;
}

void read_packet_info(const msghdr& header, UdpPath& path) noexcept {
    auto* mutable_header = const_cast<msghdr*>(&header);  // CMSG_* macros predate const
    for (cmsghdr* c = CMSG_FIRSTHDR(mutable_header); c != nullptr;
         c = CMSG_NXTHDR(mutable_header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof(info));
            path.local = IpAddress::v4(ntohl(info.ipi_addr.s_addr));
            path.ifindex = static_cast<std::uint32_t>(info.ipi_ifindex);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof(info));
            path.local = IpAddress::from_bytes({info.ipi6_addr.s6_addr, 16});
            path.ifindex = info.ipi6_ifindex;
        }
    }
}

template <class Info>
void put_control(msghdr& header, ControlBuffer& buffer, int level, int type, const Info& info) {
    header.msg_control = buffer.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(Info));
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof(Info));
    std::memcpy(CMSG_DATA(c), &info, sizeof(Info));
}

// Names the source address. The route decides the interface, except for link-local addresses.
void write_packet_info(msghdr& header, ControlBuffer& buffer, const UdpPath& path) noexcept {
    const auto octets = path.local.bytes();
    if (path.local.is_v4()) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, octets.data(), octets.size());
        put_control(header, buffer, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, octets.data(), octets.size());
        if (path.local.is_link_local()) info.ipi6_ifindex = path.ifindex;
        put_control(header, buffer, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

Result<FileDescriptor> open_socket(const Endpoint& local, const UdpOptions& options) {
    const bool v4 = local.address.is_v4();
    FileDescriptor fd(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(Error::from_errno("udp socket", errno));
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (!set_option(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, options.buffer_size)) {
        set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, options.buffer_size);
    }
    if (!set_option(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, options.buffer_size)) {
        set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, options.buffer_size);
    }
    // OMIT: do not believe ICMP about path MTU, a way to forge fragments (RFC 9715 §3.1).
    if (v4) {
        set_option(fd.get(), IPPROTO_IP, IP_FREEBIND, 1);
        set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1);
        set_option(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    } else {
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_option(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1);
        set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set_option(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    }
    const SocketAddress address = to_socket_address(local);
    if (::bind(fd.get(), &address.any, address.size) != 0) {
        return fail(listen_error(local, "udp", errno));
    }
    return fd;
}

}  // namespace

struct UdpSocket::Impl : std::enable_shared_from_this<Impl> {
    Impl(EventLoop& loop, FileDescriptor fd, const UdpOptions& options);

    void wait();
    void drain();
    bool receive_batch();
    void send_all(std::size_t count) noexcept;

    boost::asio::posix::stream_descriptor descriptor;
    Endpoint bound;
    bool wildcard;  // answers must then name their source address
    bool closed = false;
    std::uint64_t failures = 0;
    std::function<void(UdpBatch&)> on_batch;

    std::size_t slots;
    std::size_t receive_size;
    std::size_t receive_stride;
    std::size_t reply_size;
    std::size_t reply_stride;
    std::vector<std::uint8_t> received;
    std::vector<std::uint8_t> replies;
    std::vector<std::size_t> reply_sizes;
    std::vector<Datagram> datagrams;
    std::vector<sockaddr_in6> names;  // the larger of the two forms
    std::vector<ControlBuffer> controls;
    std::vector<iovec> receive_vectors;
    std::vector<iovec> reply_vectors;
    std::vector<mmsghdr> incoming;
    std::vector<mmsghdr> outgoing;
};

UdpSocket::Impl::Impl(EventLoop& loop, FileDescriptor fd, const UdpOptions& options)
    : descriptor(loop.context()),
      bound(local_endpoint(fd.get())),
      wildcard(bound.address.is_unspecified()),
      slots(std::clamp<std::size_t>(options.batch, 1, kMaxBatch)),
      receive_size(options.receive_size),
      receive_stride(slot_stride(options.receive_size)),
      reply_size(options.reply_size),
      reply_stride(slot_stride(options.reply_size)),
      received(slots * receive_stride),
      replies(slots * reply_stride),
      reply_sizes(slots),
      datagrams(slots),
      names(slots),
      controls(slots),
      receive_vectors(slots),
      reply_vectors(slots),
      incoming(slots),
      outgoing(slots) {
    descriptor.assign(fd.release());
    for (std::size_t i = 0; i < slots; ++i) {
        receive_vectors[i] = {received.data() + i * receive_stride, receive_size};
        msghdr& header = incoming[i].msg_hdr;
        header.msg_name = &names[i];
        header.msg_iov = &receive_vectors[i];
        header.msg_iovlen = 1;
    }
}

void UdpSocket::Impl::wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                              if (!error && !self->closed) self->drain();
                          });
}

void UdpSocket::Impl::drain() {
    for (int round = 0; round < kRoundsPerTurn && receive_batch(); ++round) {
    }
    wait();
}

// False when the socket is empty.
bool UdpSocket::Impl::receive_batch() {
    for (mmsghdr& message : incoming) {
        message.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
        message.msg_hdr.msg_control =
            controls[static_cast<std::size_t>(&message - incoming.data())].bytes;
        message.msg_hdr.msg_controllen = sizeof(ControlBuffer);
    }
    const int count = ::recvmmsg(descriptor.native_handle(), incoming.data(),
                                 static_cast<unsigned>(slots), MSG_DONTWAIT, nullptr);
    if (count <= 0) return count < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
    const auto size = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < size; ++i) {
        const mmsghdr& message = incoming[i];
        Datagram& datagram = datagrams[i];
        datagram.payload = {received.data() + i * receive_stride, message.msg_len};
        datagram.truncated = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0;
        datagram.path.peer = from_socket_address(reinterpret_cast<const sockaddr&>(names[i]));
        datagram.path.local = bound.address;
        read_packet_info(message.msg_hdr, datagram.path);
        reply_sizes[i] = 0;
    }
    UdpBatch batch;
    batch.size_ = size;
    batch.datagrams_ = datagrams.data();
    batch.replies_ = replies.data();
    batch.reply_stride_ = reply_stride;
    batch.reply_size_ = reply_size;
    batch.reply_sizes_ = reply_sizes.data();
    on_batch(batch);

    std::size_t answered = 0;
    for (std::size_t i = 0; i < size; ++i) {
        if (reply_sizes[i] == 0) continue;
        reply_vectors[answered] = {replies.data() + i * reply_stride,
                                   std::min(reply_sizes[i], reply_size)};
        msghdr& header = outgoing[answered].msg_hdr;
        header = {};
        header.msg_name = &names[i];
        header.msg_namelen = incoming[i].msg_hdr.msg_namelen;
        header.msg_iov = &reply_vectors[answered];
        header.msg_iovlen = 1;
        if (wildcard) write_packet_info(header, controls[i], datagrams[i].path);
        ++answered;
    }
    send_all(answered);
    return size == slots;
}

void UdpSocket::Impl::send_all(std::size_t count) noexcept {
    std::size_t sent = 0;
    while (sent < count) {
        const int n = ::sendmmsg(descriptor.native_handle(), outgoing.data() + sent,
                                 static_cast<unsigned>(count - sent), MSG_DONTWAIT);
        if (n > 0) {
            sent += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {  // about the first one: the rest may still go
            ++failures;
            ++sent;
        }
    }
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(EventLoop& loop, const Endpoint& local,
                                                   const UdpOptions& options) {
    auto fd = open_socket(local, options);
    if (!fd) return fail(std::move(fd.error()));
    return adopt(loop, std::move(*fd), options);
}

std::unique_ptr<UdpSocket> UdpSocket::adopt(EventLoop& loop, FileDescriptor bound,
                                            const UdpOptions& options) {
    return std::unique_ptr<UdpSocket>(
        new UdpSocket(std::make_shared<Impl>(loop, std::move(bound), options)));
}

int UdpSocket::descriptor() const noexcept { return impl_->descriptor.native_handle(); }

UdpSocket::UdpSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

UdpSocket::~UdpSocket() {
    impl_->closed = true;
    boost::system::error_code ignored;
    impl_->descriptor.close(ignored);
}

void UdpSocket::start(std::function<void(UdpBatch&)> on_batch) {
    impl_->on_batch = std::move(on_batch);
    impl_->wait();
}

void UdpSocket::poll() { (void)impl_->receive_batch(); }

bool UdpSocket::send(const UdpPath& path, ByteView payload) noexcept {
    SocketAddress address = to_socket_address(path.peer, path.ifindex);
    iovec vector{const_cast<std::uint8_t*>(payload.data()), payload.size()};
    ControlBuffer control;
    msghdr header{};
    header.msg_name = &address.any;
    header.msg_namelen = address.size;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (impl_->wildcard) write_packet_info(header, control, path);
    if (::sendmsg(impl_->descriptor.native_handle(), &header, MSG_DONTWAIT) >= 0) return true;
    ++impl_->failures;
    return false;
}

const Endpoint& UdpSocket::local() const noexcept { return impl_->bound; }

std::uint64_t UdpSocket::send_failures() const noexcept { return impl_->failures; }

}  // namespace hearth::runtime
