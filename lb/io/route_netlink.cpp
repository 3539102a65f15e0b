#include "lb/io/route_netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <ctime>
#include <optional>
#include <span>

#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kDumpSize = 32768;  // what iproute2 takes

struct SocketCloser {
    void operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketCloser>;

Result<Socket> open_socket(unsigned groups, int flags) {
    Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags));
    if (!socket || mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
        return fail(Error::from_errno("rtnetlink", errno));
    return socket;
}

}  // namespace

// One of an interface's IPv4 settings: IPV4_DEVCONF_*.
struct Setting {
    std::uint16_t number = 0;
    std::uint32_t value = 0;
};

struct RouteNetlink::Impl {
    Result<void> configure(int interface, std::span<const Setting> wanted);

    Socket socket;
    std::uint32_t sequence = static_cast<std::uint32_t>(std::time(nullptr));
    std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(kDumpSize);

    nlmsghdr* begin(std::uint16_t type, int flags) {
        nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
        message->nlmsg_type = type;
        message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        message->nlmsg_seq = ++sequence;
        return message;
    }

    // Sends the message begun last and gives each answer to `each`, until the end or its ACK.
    Result<void> exchange(const nlmsghdr* message, mnl_cb_t each, void* context) {
        const unsigned port = mnl_socket_get_portid(socket.get());
        if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0)
            return fail(Error::from_errno("rtnetlink", errno));
        int more = 1;
        while (more > 0) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size < 0) return fail(Error::from_errno("rtnetlink", errno));
            more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence, port, each,
                              context);
        }
        if (more < 0) return fail(Error::from_errno("rtnetlink", errno));
        return {};
    }

    // A table that changed while it was dumped (EINTR) is dumped again.
    template <class Item>
    Result<std::vector<Item>> dump(std::uint16_t type, std::uint8_t family,
                                   std::optional<Item> (*parse)(const nlmsghdr*)) {
        struct Context {
            std::vector<Item> items;
            std::optional<Item> (*parse)(const nlmsghdr*);
        };
        Result<void> done;
        for (int attempt = 0; attempt < 5; ++attempt) {
            Context context{{}, parse};
            nlmsghdr* message = begin(type, NLM_F_DUMP);
            static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtgenmsg)))
                ->rtgen_family = family;
            const auto each = [](const nlmsghdr* answer, void* data) {
                auto& into = *static_cast<Context*>(data);
                if (auto item = into.parse(answer)) into.items.push_back(std::move(*item));
                return MNL_CB_OK;
            };
            done = exchange(message, each, &context);
            if (done) return std::move(context.items);
        }
        return fail(done.error());
    }
};

RouteNetlink::RouteNetlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RouteNetlink::~RouteNetlink() = default;
RouteNetlink::RouteNetlink(RouteNetlink&&) noexcept = default;
RouteNetlink& RouteNetlink::operator=(RouteNetlink&&) noexcept = default;

Result<RouteNetlink> RouteNetlink::open() {
    auto socket = open_socket(0, 0);
    if (!socket) return fail(socket.error());
    auto impl = std::make_unique<Impl>();
    impl->socket = std::move(*socket);
    return RouteNetlink(std::move(impl));
}

Result<std::vector<Interface>> RouteNetlink::interfaces() {
    return impl_->dump<Interface>(RTM_GETLINK, AF_UNSPEC, parse_link);
}

Result<std::vector<InterfaceAddress>> RouteNetlink::addresses() {
    return impl_->dump<InterfaceAddress>(RTM_GETADDR, AF_UNSPEC, parse_address);
}

Result<std::vector<IpAddress>> RouteNetlink::held_vips() {
    const auto all = addresses();
    if (!all) return fail(all.error());
    std::vector<IpAddress> held;
    for (const auto& item : *all) {
        if (item.interface == kLoopback && item.owner == InterfaceAddress::Owner::kHearth)
            held.push_back(item.address);
    }
    return held;
}

Result<void> RouteNetlink::change_vip(int type, int flags, IpAddress address, int interface,
                                      Stay stay) {
    nlmsghdr* message = impl_->begin(static_cast<std::uint16_t>(type), NLM_F_ACK | flags);
    auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
    header->ifa_family = address.is_v4() ? AF_INET : AF_INET6;
    header->ifa_prefixlen = static_cast<std::uint8_t>(address.bit_length());
    header->ifa_index = static_cast<unsigned>(interface);
    const ByteView octets = address.bytes();
    mnl_attr_put(message, IFA_LOCAL, octets.size(), octets.data());
    mnl_attr_put(message, IFA_ADDRESS, octets.size(), octets.data());
    // Never the source of other traffic: by its scope, or as a deprecated address (RFC 6724 §5).
    if (address.is_v4()) {
        header->ifa_scope = RT_SCOPE_HOST;
        if (interface == kLoopback) mnl_attr_put_strz(message, IFA_LABEL, kVipLabel);
    } else {
        mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NODAD);  // we have asked
    }
    if (address.is_v6() || stay == Stay::kOnLoan) {
        constexpr std::uint32_t kForever = 0xffffffff;
        constexpr auto kSeconds = std::chrono::duration_cast<std::chrono::seconds>(kLoan).count();
        const ifa_cacheinfo lifetime{
            0, stay == Stay::kOnLoan ? static_cast<std::uint32_t>(kSeconds) : kForever, 0, 0};
        mnl_attr_put(message, IFA_CACHEINFO, sizeof lifetime, &lifetime);
    }
    mnl_attr_put_u8(message, kAddressProtocol, kVipProtocol);
    return impl_->exchange(message, nullptr, nullptr);
}

Result<void> RouteNetlink::hold_vip(IpAddress address, int interface) {
    const auto done = change_vip(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, interface);
    if (!done && errno != EEXIST)
        return fail(done.error().code, address.to_string(), done.error().detail);
    return {};
}

Result<void> RouteNetlink::lend_vip(IpAddress address, int interface) {
    const auto done =
        change_vip(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address, interface, Stay::kOnLoan);
    if (!done) return fail(done.error().code, address.to_string(), done.error().detail);
    return {};
}

Result<void> RouteNetlink::drop_vip(IpAddress address, int interface) {
    const auto done = change_vip(RTM_DELADDR, 0, address, interface);
    if (!done && errno != EADDRNOTAVAIL)
        return fail(done.error().code, address.to_string(), done.error().detail);
    return {};
}

Result<void> RouteNetlink::Impl::configure(int interface, std::span<const Setting> wanted) {
    nlmsghdr* message = begin(RTM_SETLINK, NLM_F_ACK);
    auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
    header->ifi_family = AF_UNSPEC;
    header->ifi_index = interface;
    nlattr* families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
    nlattr* inet = mnl_attr_nest_start(message, AF_INET);
    nlattr* settings = mnl_attr_nest_start(message, IFLA_INET_CONF);
    for (const Setting& one : wanted) mnl_attr_put_u32(message, one.number, one.value);
    mnl_attr_nest_end(message, settings);
    mnl_attr_nest_end(message, inet);
    mnl_attr_nest_end(message, families);
    return exchange(message, nullptr, nullptr);
}

Result<void> RouteNetlink::keep_vips_quiet(int interface) {
    static constexpr std::array kQuiet{Setting{IPV4_DEVCONF_ARP_IGNORE, 1},
                                       Setting{IPV4_DEVCONF_ARP_ANNOUNCE, 2}};
    return impl_->configure(interface, kQuiet);
}

Result<void> RouteNetlink::forward_ipv4(int interface) {
    static constexpr std::array kForward{Setting{IPV4_DEVCONF_FORWARDING, 1}};
    return impl_->configure(interface, kForward);
}

Result<void> RouteNetlink::ask_neighbours_anew(int interface) {
    const auto all = impl_->dump<UnansweredNeighbour>(RTM_GETNEIGH, AF_UNSPEC, parse_neighbour);
    if (!all) return fail(all.error());
    for (const auto& one : *all) {
        if (one.interface != interface || one.age < kPatience) continue;
        nlmsghdr* message = impl_->begin(RTM_DELNEIGH, NLM_F_ACK);
        auto* header = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
        header->ndm_family = one.address.is_v4() ? AF_INET : AF_INET6;
        header->ndm_ifindex = interface;
        const ByteView octets = one.address.bytes();
        mnl_attr_put(message, NDA_DST, octets.size(), octets.data());
        const auto done = impl_->exchange(message, nullptr, nullptr);
        if (!done && errno != ENOENT)
            return fail(done.error().code, one.address.to_string(), done.error().detail);
    }
    return {};
}

struct RouteMonitor::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& loop, Socket s, std::function<void()> on_change_)
        : socket(std::move(s)),
          descriptor(loop.context(), mnl_socket_get_fd(socket.get())),
          on_change(std::move(on_change_)) {}
    // The socket owns the descriptor; Asio only watches it.
    ~Impl() { descriptor.release(); }

    void wait() {
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || !self->on_change) return;
                                  self->drain();
                                  self->on_change();
                                  if (self->on_change) self->wait();
                              });
    }

    // What changed is read anew by whoever is told, so the content does not matter, nor
    // do lost notifications (ENOBUFS).
    void drain() {
        std::array<std::uint8_t, 8192> buffer{};
        while (true) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size <= 0 && errno != ENOBUFS && errno != ENOSPC) return;
        }
    }

    Socket socket;
    boost::asio::posix::stream_descriptor descriptor;
    std::function<void()> on_change;
};

RouteMonitor::RouteMonitor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RouteMonitor::~RouteMonitor() {
    impl_->on_change = nullptr;
    boost::system::error_code ignored;
    impl_->descriptor.cancel(ignored);
}

Result<std::unique_ptr<RouteMonitor>> RouteMonitor::open(runtime::EventLoop& loop,
                                                         std::function<void()> on_change) {
    auto socket = open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK);
    if (!socket) return fail(socket.error());
    auto impl = std::make_shared<Impl>(loop, std::move(*socket), std::move(on_change));
    impl->wait();
    return std::unique_ptr<RouteMonitor>(new RouteMonitor(std::move(impl)));
}

}  // namespace hearth::lb
