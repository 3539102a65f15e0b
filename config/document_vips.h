#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"

// What the document says of virtual addresses.
namespace hearth::config {

enum class VrrpVersion { kV2, kV3 };

// How the owner tells where the address is: by answering for it, or by having it on its interface,
// too, for Wi-Fi chips that answer for addresses of the interface only.
enum class Announce { kReplies, kAddress };

// How adverts reach routers that are no nodes.
enum class Adverts { kMulticast, kUnicast };

// Something besides the daemons that a node needs to be a good owner.
struct Track {
    // TCP of the node itself.
    struct Port {
        std::optional<IpAddress> address;  // of loopback; none: the node's own
        std::uint16_t port = 0;

        [[nodiscard]] std::string to_string() const;
        friend bool operator==(const Port&, const Port&) = default;
    };

    // Exactly one of the three.
    std::string interface;    // it is there and has a carrier
    std::string script;       // absolute; it ends with 0
    std::optional<Port> tcp;  // it takes connections
    std::chrono::milliseconds every{2'000};
    std::chrono::milliseconds timeout{1'000};
    unsigned rise = 2;  // so many good ends in a row make it well again
    unsigned fall = 3;
    unsigned lower_by = 100;

    // As people call it.
    [[nodiscard]] std::string subject() const;
    // Asked again and again, with every, timeout, rise and fall.
    [[nodiscard]] bool is_asked() const noexcept { return interface.empty(); }
    friend bool operator==(const Track&, const Track&) = default;
};

// Both ends included, of one family.
struct AddressRange {
    IpAddress first;
    IpAddress last;

    [[nodiscard]] bool contains(const IpAddress& address) const noexcept {
        return address.family() == first.family() && first <= address && address <= last;
    }
    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// Addresses that hearth-lb gives to VIPs that ask for one.
struct Pool {
    std::string name;
    std::vector<AddressRange> addresses;  // inside `lan`
    unsigned priority = 100;              // the lowest number is used first
    bool auto_assign = true;              // also for those that do not name the pool
    bool avoid_buggy_ips = true;          // IPv4 addresses that end with .0 or .255
};

// Instead of a written address.
struct PoolRequest {
    std::string pool;  // empty: any with auto_assign

    friend bool operator==(const PoolRequest&, const PoolRequest&) = default;
};

// A virtual IP (RFC 9568). One virtual router (VRID) may carry several.
struct Vip {
    std::string name;  // services that bring their own are named after the service
    // At least one; they move together. Of one that asks a pool: none until use_assignments().
    std::vector<IpAddress> addresses;
    std::optional<PoolRequest> request;
    std::vector<IpFamily> families;   // of what it asks for: those that backends behind it have
    std::vector<std::string> prefer;  // candidate nodes, best first; every node when not given
    bool spread = false;              // which of them is best, chance decides
    std::uint8_t vrid = 0;            // 1..255; computed from the first address when not given
    VrrpVersion vrrp_version = VrrpVersion::kV3;
    // Multiples of 10 ms, 10 ms .. 40.95 s; with version 2 whole seconds.
    std::chrono::milliseconds advert_interval{100};
    bool preempt = true;
    std::chrono::milliseconds preempt_delay{10'000};
    Announce announce = Announce::kReplies;
    std::chrono::seconds refresh{120};  // of the announcement; 0: never again
    std::string sync_group;             // VIPs of the same one move together; empty: alone
    std::vector<Track> track;
    // Routers that are not Hearth nodes (keepalived, …): adverts go to them, too, and theirs are
    // heard.
    std::vector<IpAddress> foreign_peers;
    Adverts foreign_adverts = Adverts::kMulticast;

    [[nodiscard]] bool has(const IpAddress& address) const noexcept;
    // What those must have in common that move together.
    [[nodiscard]] bool moves_like(const Vip& other) const noexcept;
};

}  // namespace hearth::config
