#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "lb/model/firewall.h"

namespace hearth::lb {

// Reads the tables of nftables that filter packets, iptables-nft's included, but for our own. Those
// of iptables-legacy are elsewhere and are not seen.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class FirewallReader {
public:
    [[nodiscard]] static Result<FirewallReader> open();
    ~FirewallReader();
    FirewallReader(FirewallReader&&) noexcept;
    FirewallReader& operator=(FirewallReader&&) noexcept;

    [[nodiscard]] Result<std::vector<firewall::Table>> read();

private:
    struct Impl;
    explicit FirewallReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
