#pragma once

#include <map>

#include "dns/core/leases.h"

namespace hearth::dns {

// Where the readers of the formats put what they find: the last word on each address counts.
class LeaseCollector {
public:
    void put(const IpAddress& address, std::string_view told, std::int64_t ends_s);
    void drop(const IpAddress& address) { leases_.erase(address); }
    void count_invalid() noexcept { ++counts_.invalid; }

    [[nodiscard]] LeaseFile finish() &&;

private:
    std::map<IpAddress, Lease> leases_;
    LeaseCounts counts_;
};

void read_dnsmasq_leases(std::string_view text, LeaseCollector& out);
void read_kea_leases(std::string_view text, LeaseCollector& out);
void read_isc_leases(std::string_view text, LeaseCollector& out);

}  // namespace hearth::dns
