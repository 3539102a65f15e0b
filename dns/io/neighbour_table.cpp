#include "dns/io/neighbour_table.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "runtime/event_loop.h"
#include "runtime/log.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kReadSize = 32768;
// States in which the hardware address is known.
constexpr unsigned kKnown = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

struct SocketCloser {
    void operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }
};

struct Neighbour {
    IpAddress address;
    MacAddress mac;
    bool is_known = false;
};

std::optional<Neighbour> parse_neighbour(const nlmsghdr* message) {
    if (mnl_nlmsg_get_payload_len(message) < sizeof(ndmsg)) return std::nullopt;
    const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
    std::array<const nlattr*, NDA_MAX + 1> found{};
    const auto keep = [](const nlattr* attribute, void* into) {
        auto& all = *static_cast<std::array<const nlattr*, NDA_MAX + 1>*>(into);
        const std::uint16_t type = mnl_attr_get_type(attribute);
        if (type < all.size()) all[type] = attribute;
        return MNL_CB_OK;
    };
    if (mnl_attr_parse(message, sizeof *header, keep, &found) < 0) return std::nullopt;
    const nlattr* address = found[NDA_DST];
    if (address == nullptr) return std::nullopt;
    const std::size_t size = mnl_attr_get_payload_len(address);
    if (size != 4 && size != 16) return std::nullopt;
    Neighbour neighbour;
    neighbour.address = IpAddress::from_bytes(
        {static_cast<const std::uint8_t*>(mnl_attr_get_payload(address)), size});
    const nlattr* mac = found[NDA_LLADDR];
    if (mac != nullptr && mnl_attr_get_payload_len(mac) == neighbour.mac.octets.size())
        std::memcpy(neighbour.mac.octets.data(), mnl_attr_get_payload(mac),
                    neighbour.mac.octets.size());
    neighbour.is_known = message->nlmsg_type == RTM_NEWNEIGH && (header->ndm_state & kKnown) != 0 &&
                         !neighbour.mac.is_zero();
    return neighbour;
}

}  // namespace

struct NeighbourTable::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& loop, std::function<void()> when_changed)
        : descriptor(loop.context()), changed(std::move(when_changed)) {}

    bool open() {
        socket.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket || mnl_socket_bind(socket.get(), RTMGRP_NEIGH, MNL_SOCKET_AUTOPID) < 0) {
            log::warn("neighbours_unknown", {{"error", std::strerror(errno)}});
            return false;
        }
        descriptor.assign(mnl_socket_get_fd(socket.get()));
        return ask();
    }

    // Asks for the whole table; it arrives as the notifications do.
    bool ask() {
        std::array<char, 128> buffer{};
        nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
        message->nlmsg_type = RTM_GETNEIGH;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(message, sizeof(ndmsg));
        return mnl_socket_sendto(socket.get(), message, message->nlmsg_len) >= 0;
    }

    void wait() {
        descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](boost::system::error_code error) {
                                  if (error || !self->changed) return;
                                  if (self->read()) self->changed();
                                  self->wait();
                              });
    }

    // Whether anything is another way than before.
    bool read() {
        bool is_new = false;
        std::array<char, kReadSize> buffer;
        while (true) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size < 0 && errno == ENOBUFS) {  // some were lost: look at all of them again
                (void)ask();
                continue;
            }
            if (size <= 0) return is_new;
            int left = static_cast<int>(size);
            for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
                 mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
                if (message->nlmsg_type == RTM_NEWNEIGH || message->nlmsg_type == RTM_DELNEIGH)
                    is_new = take(message) || is_new;
        }
    }

    // An entry that is only being looked for keeps what it was: the device is the same until
    // another one answers.
    bool take(const nlmsghdr* message) {
        const auto neighbour = parse_neighbour(message);
        if (!neighbour) return false;
        if (neighbour->is_known) {
            const auto [at, is_new] = macs.try_emplace(neighbour->address, neighbour->mac);
            if (is_new) return true;
            return std::exchange(at->second, neighbour->mac) != neighbour->mac;
        }
        return message->nlmsg_type == RTM_DELNEIGH && macs.erase(neighbour->address) > 0;
    }

    std::unique_ptr<mnl_socket, SocketCloser> socket;
    boost::asio::posix::stream_descriptor descriptor;  // of `socket`, which closes it
    std::function<void()> changed;
    std::unordered_map<IpAddress, MacAddress> macs;
};

NeighbourTable::NeighbourTable(runtime::EventLoop& loop, std::function<void()> changed)
    : impl_(std::make_shared<Impl>(loop, std::move(changed))) {
    if (impl_->open()) impl_->wait();
}

NeighbourTable::~NeighbourTable() {
    impl_->changed = nullptr;
    if (impl_->descriptor.is_open()) impl_->descriptor.release();
    impl_->socket.reset();
}

Neighbours NeighbourTable::all() const {
    Neighbours found;
    for (const auto& [address, mac] : impl_->macs) found[mac].push_back(address);
    return found;
}

}  // namespace hearth::dns
