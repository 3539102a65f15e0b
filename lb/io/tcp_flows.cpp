#include "lb/io/tcp_flows.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "lb/io/flow_message.h"
#include "lb/io/flow_table.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kDumpSize = 32768;
constexpr std::uint32_t kListen = 10;  // TCP_LISTEN
constexpr std::uint32_t kConnected = 0xfff & ~(1U << kListen) & ~1U;

struct SocketCloser {
    void operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }
};

struct Dump {
    const std::vector<IpAddress>& servers;
    std::vector<TcpFlow> flows;
};

bool has(const std::vector<IpAddress>& servers, IpFamily family) {
    return std::ranges::any_of(servers, [&](const auto& one) { return one.family() == family; });
}

int on_socket(const nlmsghdr* message, void* context) {
    auto& dump = *static_cast<Dump*>(context);
    const auto found = parse_local_socket(message);
    if (found && std::ranges::find(dump.servers, found->own.address) != dump.servers.end())
        dump.flows.push_back({found->peer, found->own});
    return MNL_CB_OK;
}

Result<void> ask(mnl_socket* socket, std::uint8_t family, Dump& dump) {
    std::vector<char> buffer(kDumpSize);
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = family;
    auto* request = static_cast<inet_diag_req_v2*>(
        mnl_nlmsg_put_extra_header(message, sizeof(inet_diag_req_v2)));
    request->sdiag_family = family;
    request->sdiag_protocol = IPPROTO_TCP;
    request->idiag_states = kConnected;
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        return fail(Error::from_errno("sock_diag", errno));
    int more = 1;
    while (more > 0) {
        const auto size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
        if (size < 0) return fail(Error::from_errno("sock_diag", errno));
        more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), family,
                          mnl_socket_get_portid(socket), on_socket, &dump);
    }
    if (more < 0) return fail(Error::from_errno("sock_diag", errno));
    return {};
}

Result<std::vector<TcpFlow>> sockets_of(const std::vector<IpAddress>& servers) {
    const std::unique_ptr<mnl_socket, SocketCloser> socket(
        mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return fail(Error::from_errno("sock_diag", errno));
    Dump dump{servers, {}};
    if (has(servers, IpFamily::kV4))
        if (auto done = ask(socket.get(), AF_INET, dump); !done) return fail(done.error());
    // Also for IPv4: a socket of an IPv6 listener has an IPv4-mapped address, and is folded.
    if (auto done = ask(socket.get(), AF_INET6, dump); !done) return fail(done.error());
    return std::move(dump.flows);
}

}  // namespace

Result<std::vector<TcpFlow>> tcp_flows_of_host(Backends backends,
                                               const std::vector<IpAddress>& servers) {
    auto all = sockets_of(servers);
    if (!all || backends == Backends::kNone) return all;
    auto tracked = FlowTable::open();
    if (!tracked) return fail(tracked.error());
    for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
        if (!has(servers, family)) continue;
        const auto flows = tracked->tcp_to(family, servers);
        if (!flows) continue;  // a kernel without connection tracking tracks none
        all->insert(all->end(), flows->begin(), flows->end());
    }
    return all;
}

}  // namespace hearth::lb
