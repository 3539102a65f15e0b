#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include "base/result.h"

struct nlmsghdr;

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

enum class NftFamily : std::uint8_t { kInet = 1, kIpv4 = 2, kNetdev = 5, kIpv6 = 10 };

// Whether what nftables tells is about a table named hearth of one of `families`. The message's
// length is right in its header (mnl_nlmsg_ok), and nothing else in it need be.
[[nodiscard]] bool is_about_us(const nlmsghdr* message, const std::set<NftFamily>& families);

// Calls `on_change` on `loop` after somebody else than `ours` (netlink port numbers of our own
// sockets) changed such a table, or, with kOtherTables, one of another name in those families, or
// notifications were lost.
class NftMonitor {
public:
    enum class About : std::uint8_t { kOurTables, kOtherTables };
    [[nodiscard]] static Result<std::unique_ptr<NftMonitor>> open(runtime::EventLoop& loop,
                                                                  std::set<NftFamily> families,
                                                                  std::set<std::uint32_t> ours,
                                                                  std::function<void()> on_change,
                                                                  About about = About::kOurTables);
    ~NftMonitor();

private:
    struct Impl;
    explicit NftMonitor(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
