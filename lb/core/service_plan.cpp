#include "lb/core/service_plan.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace hearth::lb {
namespace {

using Kind = ServiceOperation::Kind;
using Shape = InstalledRules::Shape;

constexpr std::string_view kGate = "allow-";
constexpr std::string_view kAffinity = "-for-";

// FNV-1a. Who could forge a collision here may as well write the document.
class Digest {
public:
    void add(std::uint8_t octet) noexcept { value_ = (value_ ^ octet) * 0x100000001b3; }
    void add(ByteView octets) noexcept {
        for (const auto octet : octets) add(octet);
    }
    void add(std::uint16_t number) noexcept {
        add(static_cast<std::uint8_t>(number >> 8));
        add(static_cast<std::uint8_t>(number & 0xff));
    }
    [[nodiscard]] std::string hex() const {
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::string text;
        for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[value_ >> shift & 0xf];
        return text;
    }

private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

constexpr std::string_view word_of(Balance balance) noexcept {
    switch (balance) {
        case Balance::kRandom: return "random";
        case Balance::kRoundRobin: return "turns";
        case Balance::kSourceHash: return "hash";
    }
    return "random";
}

// "random-24", "hash-1-from-8000", "turns-24-1a2b3c4d-for-1800": at most 31 octets, as older
// kernels want it. Whose turn it is counts for each port alone.
std::string pick_name(const OpenPort& port, const ServiceChain& chain) {
    std::string name = std::string(word_of(chain.balance)) + "-" + std::to_string(chain.slots);
    if (chain.balance == Balance::kRoundRobin) {
        Digest digest;
        digest.add(port.vip.bytes());
        digest.add(static_cast<std::uint8_t>(port.transport));
        digest.add(port.port);
        name += "-" + digest.hex().substr(8);
    }
    if (chain.range != 0) name += "-" + std::to_string(chain.range);
    if (chain.affinity.count() != 0)
        name += std::string(kAffinity) + std::to_string(chain.affinity.count());
    return name;
}

std::string gate_name(const std::vector<IpPrefix>& allow, const std::string& next) {
    Digest digest;
    digest.add(as_bytes(next));
    for (const IpPrefix& prefix : allow) {
        digest.add(prefix.address().bytes());
        digest.add(static_cast<std::uint8_t>(prefix.length()));
    }
    return std::string(kGate) + digest.hex() + "-" + std::to_string(allow.size());
}

std::optional<Endpoint> slot_at(const Slots& slots, std::size_t index) {
    return index < slots.size() ? slots[index] : std::nullopt;
}

std::vector<SlotChange> changes_of(const Slots& before, const Slots& after) {
    std::vector<SlotChange> changes;
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
        const auto was = slot_at(before, i);
        const auto becomes = slot_at(after, i);
        if (was != becomes) changes.push_back({static_cast<std::uint32_t>(i), was, becomes});
    }
    return changes;
}

ServiceChain named(std::string name) {
    ServiceChain chain;
    chain.name = std::move(name);
    return chain;
}

class Planner {
public:
    explicit Planner(const InstalledServices& installed)
        : installed_(installed), chains_(installed.chains) {}

    void create() {
        operations_.push_back({Kind::kCreateTable, {}, {}, {}});
        chains_.clear();
    }
    void remove_table() { operations_.push_back({Kind::kDeleteTable, {}, {}, {}}); }

    void change(const OpenPort& port, const PortProgram& program) {
        for (const ServiceChain& chain : program.chains)
            if (chains_.insert(chain.name).second)
                operations_.push_back({Kind::kAddChain, port, chain, {}});
        slots(port, program.slots);
        const std::string& entry = program.chains.back().name;
        for (std::uint32_t number = port.port; number <= last(port, program); ++number) {
            const OpenPort one{port.vip, port.transport, static_cast<std::uint16_t>(number)};
            const auto found = installed_.ports.find(one);
            if (found != installed_.ports.end() && found->second == entry) continue;
            if (found != installed_.ports.end()) remove(one, found->second);
            operations_.push_back({Kind::kAddPort, one, named(entry), {}});
        }
    }
    void slots(const OpenPort& port, const Slots& wanted) {
        const auto found = installed_.slots.find(port);
        auto changes =
            changes_of(found == installed_.slots.end() ? Slots{} : found->second, wanted);
        if (!changes.empty())
            operations_.push_back({Kind::kChangeSlots, port, {}, std::move(changes)});
    }
    void remove(const OpenPort& port, const std::string& chain) {
        operations_.push_back({Kind::kRemovePort, port, named(chain), {}});
    }
    void vip(Kind kind, const IpAddress& vip) {
        operations_.push_back({kind, {vip, Transport::kTcp, 0}, {}, {}});
    }
    std::vector<ServiceOperation> take() { return std::move(operations_); }

    static std::uint32_t last(const OpenPort& port, const PortProgram& program) {
        return std::max(port.port, program.last_port);
    }

private:
    const InstalledServices& installed_;
    std::set<std::string> chains_;
    std::vector<ServiceOperation> operations_;
};

// Whether a desired port or range has `port`; ranges do not overlap.
bool is_wanted(const ServiceProgram& desired, const OpenPort& port) {
    auto next = desired.upper_bound(port);
    if (next == desired.begin()) return false;
    const auto& [first, program] = *--next;
    return first.vip == port.vip && first.transport == port.transport &&
           port.port <= Planner::last(first, program);
}

}  // namespace

PortProgram program_of(const OpenPort& port, const Balancing& balancing, const Away& away) {
    PortProgram program;
    program.last_port = balancing.last_port;
    program.slots = share_slots(balancing.backends, away);
    ServiceChain pick;
    pick.balance = balancing.balance;
    pick.slots = program.slots.size();
    pick.affinity = balancing.affinity;
    pick.range = balancing.last_port == 0 ? std::uint16_t{0} : port.port;
    pick.name = pick_name(port, pick);
    program.chains.push_back(pick);
    if (balancing.allow.empty()) return program;
    ServiceChain gate;
    gate.allow = balancing.allow;
    gate.next = pick.name;
    gate.name = gate_name(gate.allow, gate.next);
    program.chains.push_back(std::move(gate));
    return program;
}

std::size_t rules_in(const std::string& name) {
    const bool is_ours = std::ranges::any_of(
        std::array{Balance::kRandom, Balance::kRoundRobin, Balance::kSourceHash},
        [&](Balance balance) { return name.starts_with(std::string(word_of(balance)) + "-"); });
    if (is_ours) return name.find(kAffinity) == std::string::npos ? 1 : 2;
    if (!name.starts_with(kGate)) return 0;
    std::size_t count = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + name.rfind('-') + 1, end, count);
    return read.ec == std::errc{} && read.ptr == end ? count : 0;
}

void InstalledServices::record(const ServiceOperation& operation) {
    switch (operation.kind) {
        case Kind::kDeleteTable: *this = {}; break;
        case Kind::kCreateTable: shape = Shape::kCurrent; break;
        case Kind::kAddChain: chains.insert(operation.chain.name); break;
        case Kind::kChangeSlots: {
            Slots& kept = slots[operation.port];
            for (const SlotChange& change : operation.slots) {
                kept.resize(std::max<std::size_t>(kept.size(), change.slot + 1));
                kept[change.slot] = change.after;
            }
            while (!kept.empty() && !kept.back()) kept.pop_back();
            if (kept.empty()) slots.erase(operation.port);
            break;
        }
        case Kind::kRemovePort: ports.erase(operation.port); break;
        case Kind::kAddPort: ports[operation.port] = operation.chain.name; break;
        case Kind::kRemoveVip: vips.erase(operation.port.vip); break;
        case Kind::kAddVip: vips.insert(operation.port.vip); break;
    }
}

std::vector<ServiceOperation> plan_services(const InstalledServices& installed,
                                            const ServiceProgram& desired) {
    const bool keep = installed.shape == Shape::kCurrent && !desired.empty();
    const InstalledServices nothing;
    const InstalledServices& present = keep ? installed : nothing;
    Planner planner(present);
    if (installed.shape != Shape::kAbsent && !keep) planner.remove_table();
    if (desired.empty()) return planner.take();
    if (!keep) planner.create();

    for (const auto& [port, chain] : present.ports)
        if (!is_wanted(desired, port)) planner.remove(port, chain);
    for (const auto& [port, slots] : present.slots)
        if (!desired.contains(port)) planner.slots(port, {});
    std::set<IpAddress> vips;
    for (const auto& [port, program] : desired) {
        planner.change(port, program);
        vips.insert(port.vip);
    }
    for (const auto& vip : present.vips)
        if (!vips.contains(vip)) planner.vip(Kind::kRemoveVip, vip);
    for (const auto& vip : vips)
        if (!present.vips.contains(vip)) planner.vip(Kind::kAddVip, vip);
    return planner.take();
}

std::vector<ServiceOperation> plan_port(const InstalledServices& installed, const OpenPort& port,
                                        const PortProgram& program) {
    Planner planner(installed);
    planner.change(port, program);
    return planner.take();
}

std::vector<ServiceOperation> plan_end(const InstalledServices& installed) {
    Planner planner(installed);
    for (const auto& [port, chain] : installed.ports) planner.remove(port, chain);
    return planner.take();
}

std::vector<std::string> unused_chains(const InstalledServices& installed,
                                       const ServiceProgram& desired) {
    std::set<std::string> used;
    for (const auto& [port, program] : desired)
        for (const auto& chain : program.chains) used.insert(chain.name);
    for (const auto& [port, chain] : installed.ports) used.insert(chain);
    std::vector<std::string> unused;
    for (const auto& chain : installed.chains)
        if (!used.contains(chain)) unused.push_back(chain);
    // Gates first: they lead to the others.
    std::stable_partition(unused.begin(), unused.end(),
                          [](const std::string& name) { return name.starts_with(kGate); });
    return unused;
}

}  // namespace hearth::lb
