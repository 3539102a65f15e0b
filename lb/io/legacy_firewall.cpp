#include "lb/io/legacy_firewall.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
// The kernel's headers yield to those.
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "runtime/file_descriptor.h"

namespace hearth::lb {
namespace {

constexpr const char* kTable = "filter";
// The policies of INPUT, FORWARD and OUTPUT, and the end of the table.
constexpr unsigned kEmpty = 4;

// Asking for a table makes it where iptables-legacy was never used: the kernel's list is looked at
// first. It may be root's alone; then it is there because somebody used it.
bool has_table(const char* list) {
    std::ifstream names(list);
    if (!names) return errno == EACCES;
    std::string name;
    while (names >> name)
        if (name == kTable) return true;
    return false;
}

template <class Info>
unsigned rules_of(int family, int level, int option, const char* list) {
    if (!has_table(list)) return 0;
    const runtime::FileDescriptor fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    Info info{};
    socklen_t size = sizeof info;
    std::strcpy(info.name, kTable);
    if (!fd || getsockopt(fd.get(), level, option, &info, &size) < 0) return 0;
    return std::max(info.num_entries, kEmpty) - kEmpty;
}

}  // namespace

std::string legacy_firewall() {
    const unsigned v4 = rules_of<ipt_getinfo>(AF_INET, IPPROTO_IP, IPT_SO_GET_INFO,
                                              "/proc/self/net/ip_tables_names");
    const unsigned v6 = rules_of<ip6t_getinfo>(AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO,
                                               "/proc/self/net/ip6_tables_names");
    std::string text;
    if (v4 != 0) text = std::to_string(v4) + (v4 == 1 ? " rule" : " rules") + " for IPv4";
    if (v6 != 0)
        text += (v4 != 0 ? ", " : "") + std::to_string(v6) + (v6 == 1 ? " rule" : " rules") +
                " for IPv6";
    return text;
}

}  // namespace hearth::lb
