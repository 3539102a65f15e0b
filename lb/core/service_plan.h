#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lb/core/nft_plan.h"
#include "lb/core/slots.h"
#include "lb/model/balanced_port.h"

namespace hearth::lb {

// One chain of the services' table. Its name tells all that is in it: two chains of one name are
// the same, so the kernel's table can be compared without reading expressions. Ports that are
// balanced alike share a chain.
struct ServiceChain {
    std::string name;
    Balance balance = Balance::kRandom;
    std::size_t slots = 0;
    std::chrono::seconds affinity{0};
    std::uint16_t range = 0;      // the range's first port, under which its slots are kept
    std::vector<IpPrefix> allow;  // when not empty: a gate in front of chain `next`, and no more
    std::string next;

    friend bool operator==(const ServiceChain&, const ServiceChain&) = default;
};

// What one port (or range) needs: the chains on its way, the last of which is the one that its
// connections enter, and its slots.
struct PortProgram {
    std::vector<ServiceChain> chains;
    Slots slots;
    std::uint16_t last_port = 0;

    friend bool operator==(const PortProgram&, const PortProgram&) = default;
};
using ServiceProgram = std::map<OpenPort, PortProgram>;

[[nodiscard]] PortProgram program_of(const OpenPort& port, const Balancing& balancing,
                                     const Away& away);
// The number of rules in a chain of ours; 0 when `name` is none.
[[nodiscard]] std::size_t rules_in(const std::string& name);

struct SlotChange {
    std::uint32_t slot = 0;
    std::optional<Endpoint> before;
    std::optional<Endpoint> after;

    friend bool operator==(const SlotChange&, const SlotChange&) = default;
};

struct ServiceOperation {
    enum class Kind : std::uint8_t {
        kDeleteTable,
        kCreateTable,  // with base chains, rules and empty sets
        kAddChain,     // with its rules
        kChangeSlots,
        kRemovePort,
        kAddPort,
        kRemoveVip,
        kAddVip,
    };
    Kind kind = Kind::kCreateTable;
    OpenPort port;       // of kRemoveVip and kAddVip: its `vip` only
    ServiceChain chain;  // kAddChain; kAddPort, kRemovePort: its name only
    std::vector<SlotChange> slots;

    friend bool operator==(const ServiceOperation&, const ServiceOperation&) = default;
};

// The services' table as the kernel has it.
struct InstalledServices {
    InstalledRules::Shape shape = InstalledRules::Shape::kAbsent;
    // The rest only when kCurrent.
    std::set<std::string> chains;
    std::map<OpenPort, std::string> ports;  // each port of a range, and the chain it leads to
    std::map<OpenPort, Slots> slots;
    std::set<IpAddress> vips;

    // After the kernel took it.
    void record(const ServiceOperation& operation);
    friend bool operator==(const InstalledServices&, const InstalledServices&) = default;
};

// The operations, in order, that turn `installed` into `desired`. Ports that stay as they are cost
// nothing. Chains that nobody needs any more stay (see unused_chains). Without services there is no
// table. All operations of one port stand together and none depends on another port's, so that a
// long list may be cut between ports.
[[nodiscard]] std::vector<ServiceOperation> plan_services(const InstalledServices& installed,
                                                          const ServiceProgram& desired);
// The same for one port that stays desired, in a table that is there.
[[nodiscard]] std::vector<ServiceOperation> plan_port(const InstalledServices& installed,
                                                      const OpenPort& port,
                                                      const PortProgram& program);
// From now on no connection is sent on to a backend; what the kernel needs for those that were
// stays.
[[nodiscard]] std::vector<ServiceOperation> plan_end(const InstalledServices& installed);
// What no port leads to. Removed apart from and later than the rest: before kernel 6.2 a chain
// cannot go in the transaction in which what leads to it goes.
[[nodiscard]] std::vector<std::string> unused_chains(const InstalledServices& installed,
                                                     const ServiceProgram& desired);

}  // namespace hearth::lb
