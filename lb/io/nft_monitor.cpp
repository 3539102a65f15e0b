#include "lb/io/nft_monitor.h"

#include <netinet/in.h>  // before the kernel's headers: they then leave these names to it

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <string_view>
#include <vector>

#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

using Socket = std::unique_ptr<mnl_socket, decltype([](mnl_socket* s) { mnl_socket_close(s); })>;

constexpr int kQueueBytes = 1 << 20;
constexpr std::size_t kBuffer = 32'768;

int on_attribute(const nlattr* attribute, void* is_ours) {
    if (mnl_attr_get_type(attribute) != NFTA_TABLE_NAME) return MNL_CB_OK;
    *static_cast<bool*>(is_ours) = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 &&
                                   std::string_view(mnl_attr_get_str(attribute)) == "hearth";
    return MNL_CB_STOP;
}

enum class Table : std::uint8_t { kNone, kOurs, kOther };

// The first attribute of every object of nftables is its table's name; the end of a transaction
// (NEWGEN) has none.
Table table_of(const nlmsghdr* message, const std::set<NftFamily>& families) {
    if ((message->nlmsg_type >> 8) != NFNL_SUBSYS_NFTABLES ||
        (message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
        mnl_nlmsg_get_payload_len(message) < sizeof(nfgenmsg))
        return Table::kNone;
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
    if (!families.contains(static_cast<NftFamily>(header->nfgen_family))) return Table::kNone;
    static_assert(NFPROTO_INET == 1 && NFPROTO_IPV4 == 2 && NFPROTO_NETDEV == 5 &&
                  NFPROTO_IPV6 == 10);
    static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                  NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1);
    bool is_ours = false;
    mnl_attr_parse(message, sizeof(nfgenmsg), on_attribute, &is_ours);
    return is_ours ? Table::kOurs : Table::kOther;
}

}  // namespace

bool is_about_us(const nlmsghdr* message, const std::set<NftFamily>& families) {
    return table_of(message, families) == Table::kOurs;
}

struct NftMonitor::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& loop, Socket s, std::set<NftFamily> watched,
         std::set<std::uint32_t> own, std::function<void()> call, About subject)
        : socket(std::move(s)),
          descriptor(loop.context(), mnl_socket_get_fd(socket.get())),
          families(std::move(watched)),
          ours(std::move(own)),
          on_change(std::move(call)),
          about(subject),
          buffer(kBuffer) {}
    ~Impl() { descriptor.release(); }

    void wait() {
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || !self->on_change) return;
                                  if (self->drain()) self->on_change();
                                  if (self->on_change) self->wait();
                              });
    }

    // Whether anything was about what we listen for, or lost.
    bool drain() {
        bool changed = false;
        while (true) {
            const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
            if (size < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
                changed = true;
                continue;
            }
            if (size <= 0) return changed;
            int left = static_cast<int>(size);
            for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
                 mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
                changed |=
                    !ours.contains(message->nlmsg_pid) && table_of(message, families) == wanted();
        }
    }

    [[nodiscard]] Table wanted() const noexcept {
        return about == About::kOurTables ? Table::kOurs : Table::kOther;
    }

    Socket socket;
    boost::asio::posix::stream_descriptor descriptor;
    std::set<NftFamily> families;
    std::set<std::uint32_t> ours;
    std::function<void()> on_change;
    About about;
    std::vector<char> buffer;
};

NftMonitor::NftMonitor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

NftMonitor::~NftMonitor() {
    impl_->on_change = nullptr;
    boost::system::error_code ignored;
    impl_->descriptor.cancel(ignored);
}

Result<std::unique_ptr<NftMonitor>> NftMonitor::open(runtime::EventLoop& loop,
                                                     std::set<NftFamily> families,
                                                     std::set<std::uint32_t> ours,
                                                     std::function<void()> on_change, About about) {
    Socket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
    int group = NFNLGRP_NFTABLES;
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(socket.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
        return fail(Error::from_errno("nftables", errno));
    setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVBUFFORCE, &kQueueBytes,
               sizeof kQueueBytes);
    auto impl = std::make_shared<Impl>(loop, std::move(socket), std::move(families),
                                       std::move(ours), std::move(on_change), about);
    impl->wait();
    return std::unique_ptr<NftMonitor>(new NftMonitor(std::move(impl)));
}

}  // namespace hearth::lb
