#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/ip.h"

namespace hearth::lb {

// Both ends included, of one family.
struct AddressRange {
    IpAddress first;
    IpAddress last;

    [[nodiscard]] bool contains(const IpAddress& address) const noexcept {
        return address.family() == first.family() && first <= address && address <= last;
    }
};

enum class PoolUse : std::uint8_t { kByName, kByAnybody };
enum class BuggyAddresses : std::uint8_t { kUsed, kAvoided };  // IPv4, .0 and .255

struct AddressPool {
    std::string name;
    std::vector<AddressRange> ranges;
    PoolUse use = PoolUse::kByAnybody;
    BuggyAddresses buggy = BuggyAddresses::kAvoided;
};

// A VIP that asks for an address of each of `families`.
struct AddressRequest {
    std::string vip;
    std::string pool;  // empty: any that is for anybody
    std::vector<IpFamily> families;
};

// What a document says of automatic addresses.
struct PoolPlan {
    std::vector<AddressPool> pools;  // in the order in which they are used
    std::vector<IpPrefix> lan;
    std::set<IpAddress> taken;       // which the document gives to somebody else
    std::set<std::uint8_t> numbers;  // of virtual routers: addresses that end so are used last
    std::vector<AddressRequest> requests;
};

}  // namespace hearth::lb
