#include "lb/core/firewall_walk.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hearth::lb::firewall {
namespace {

constexpr std::size_t kRegisters = 64;  // octets
constexpr int kDeepest = 32;            // jumps; the kernel allows 16

enum class Truth : std::uint8_t { kNo, kMaybe, kYes };

Truth negate(Truth truth) noexcept {
    if (truth == Truth::kMaybe) return truth;
    return truth == Truth::kYes ? Truth::kNo : Truth::kYes;
}
Truth in_sense(Truth truth, Sense sense) noexcept {
    return sense == Sense::kInside ? truth : negate(truth);
}

Octets known_octets(std::vector<std::uint8_t> value) {
    const std::size_t size = value.size();
    return {std::move(value), std::vector<std::uint8_t>(size, 0xff)};
}
Octets unknown_octets(std::size_t size) {
    return {std::vector<std::uint8_t>(size), std::vector<std::uint8_t>(size)};
}
template <class Number>
Octets number(Number value) {
    std::vector<std::uint8_t> octets(sizeof value);
    std::memcpy(octets.data(), &value, sizeof value);
    return known_octets(std::move(octets));
}
Octets text(const std::string& name) {
    constexpr std::size_t kLongestName = 16;
    std::vector<std::uint8_t> octets(kLongestName);
    std::copy_n(name.begin(), std::min(name.size(), kLongestName), octets.begin());
    return known_octets(std::move(octets));
}

void put(Octets& into, std::size_t offset, ByteView octets, int bits) {
    for (std::size_t i = 0; i < octets.size(); ++i, bits -= 8) {
        const int here = std::clamp(bits, 0, 8);
        const auto mask = static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(here));
        into.value[offset + i] = static_cast<std::uint8_t>(octets[i] & mask);
        into.known[offset + i] = mask;
    }
}

// Source and destination, protocol; the rest is not known.
Octets network_header(const Packet& packet) {
    const bool is_v4 = packet.destination.is_v4();
    Octets header = unknown_octets(is_v4 ? 20 : 40);
    const auto transport = static_cast<std::uint8_t>(packet.transport);
    put(header, is_v4 ? 9 : 6, {&transport, 1}, 8);
    const std::size_t source = is_v4 ? 12 : 8;
    const ByteView destination = packet.destination.bytes();
    put(header, source, packet.source.address().bytes(), packet.source.length());
    put(header, source + destination.size(), destination, packet.destination.bit_length());
    return header;
}

Octets transport_header(const Packet& packet) {
    Octets header = unknown_octets(20);
    const std::array<std::uint8_t, 2> port{static_cast<std::uint8_t>(packet.port >> 8U),
                                           static_cast<std::uint8_t>(packet.port & 0xffU)};
    put(header, 2, port, 16);
    constexpr std::uint8_t kSyn = 2;
    if (packet.transport == Transport::kTcp) put(header, 13, {&kSyn, 1}, 8);
    return header;
}

Octets value_of(const Packet& packet, const Load& load) {
    const auto part = [&](Octets header) {
        Octets some = unknown_octets(load.length);
        for (std::size_t i = 0; i < load.length && load.offset + i < header.value.size(); ++i) {
            some.value[i] = header.value[load.offset + i];
            some.known[i] = header.known[load.offset + i];
        }
        return some;
    };
    const bool is_through = packet.way == Packet::Way::kThrough;
    switch (load.field) {
        case Field::kTransport: return number(static_cast<std::uint8_t>(packet.transport));
        case Field::kFamily: return number<std::uint8_t>(packet.destination.is_v4() ? 2 : 10);
        case Field::kInput: return text(packet.interface.name);
        case Field::kInputIndex: return number(packet.interface.index);
        case Field::kOutput: return is_through ? text(packet.interface.name) : unknown_octets(16);
        case Field::kOutputIndex:
            return is_through ? number(packet.interface.index) : unknown_octets(4);
        case Field::kNetworkHeader: return part(network_header(packet));
        case Field::kTransportHeader: return part(transport_header(packet));
        case Field::kConnectionState: return number(packet.state);
        case Field::kConnectionStatus: {
            Octets status = number(packet.translation == Packet::Translation::kDestination
                                       ? kTranslatedDestination
                                       : 0U);
            Octets only = number(kTranslatedDestination);
            status.known = only.value;
            return status;
        }
        case Field::kUnknown: break;
    }
    return unknown_octets(std::max(load.length, 4U));
}

class Registers {
public:
    void store(Register at, const Octets& octets) {
        for (std::size_t i = 0; i < octets.value.size() && at + i < kRegisters; ++i) {
            value_[at + i] = octets.value[i];
            known_[at + i] = octets.known[i];
        }
    }
    [[nodiscard]] Octets load(Register at, std::size_t size) const {
        Octets octets = unknown_octets(size);
        for (std::size_t i = 0; i < size && at + i < kRegisters; ++i) {
            octets.value[i] = value_[at + i];
            octets.known[i] = known_[at + i];
        }
        return octets;
    }

private:
    std::array<std::uint8_t, kRegisters> value_{};
    std::array<std::uint8_t, kRegisters> known_{};
};

Truth equals(const Octets& octets, const std::vector<std::uint8_t>& value) {
    Truth truth = Truth::kYes;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (((octets.value[i] ^ value[i]) & octets.known[i]) != 0) return Truth::kNo;
        if (octets.known[i] != 0xff) truth = Truth::kMaybe;
    }
    return truth;
}

// As big-endian numbers: what is not known is anything from all zeros to all ones.
Truth lies_between(const Octets& octets, const std::vector<std::uint8_t>& first,
                   const std::vector<std::uint8_t>& last) {
    std::vector<std::uint8_t> most = octets.value;
    for (std::size_t i = 0; i < most.size(); ++i)
        most[i] = static_cast<std::uint8_t>(most[i] | static_cast<std::uint8_t>(~octets.known[i]));
    if (most < first || last < octets.value) return Truth::kNo;
    return first <= octets.value && most <= last ? Truth::kYes : Truth::kMaybe;
}

Truth compare(const Octets& octets, const Compare& step) {
    const std::vector<std::uint8_t> least(step.value.size());
    const std::vector<std::uint8_t> most(step.value.size(), 0xff);
    switch (step.comparison) {
        case Comparison::kEqual: return equals(octets, step.value);
        case Comparison::kNotEqual: return negate(equals(octets, step.value));
        case Comparison::kBelow: return negate(lies_between(octets, step.value, most));
        case Comparison::kAtMost: return lies_between(octets, least, step.value);
        case Comparison::kAbove: return negate(lies_between(octets, least, step.value));
        case Comparison::kAtLeast: return lies_between(octets, step.value, most);
    }
    return Truth::kMaybe;
}

// What may become of a packet in a chain.
struct Fates {
    bool accepted = false;
    bool dropped = false;
    bool passed = false;  // to the end of the chain
    void add(const Fates& other) noexcept {
        accepted = accepted || other.accepted;
        dropped = dropped || other.dropped;
        passed = passed || other.passed;
    }
};

class Walk {
public:
    Walk(const Table& table, const Packet& packet) : table_(table), packet_(packet) {}

    Fates chain(const std::string& name, int depth) {
        const auto found = table_.chains.find(name);
        Fates fates;
        if (found == table_.chains.end() || depth > kDeepest) {
            fates.accepted = true;  // not understood
            return fates;
        }
        for (const Rule& one : found->second.rules)
            if (rule(one, depth, fates) == Truth::kYes) return fates;
        fates.passed = true;
        return fates;
    }

private:
    // Whether the packet certainly gets no further than this rule.
    Truth rule(const Rule& rule, int depth, Fates& fates) {
        Truth match = Truth::kYes;
        for (const Step& step : rule) {
            if (const auto* verdict = std::get_if<Verdict>(&step))
                return apply(*verdict, match, depth, fates);
            if (const auto* lookup = std::get_if<Lookup>(&step);
                lookup != nullptr && lookup->result == Lookup::Result::kVerdict)
                return apply(*lookup, match, depth, fates);
            match = std::min(match, look(step));
            if (match == Truth::kNo) return Truth::kNo;
        }
        return Truth::kNo;
    }

    Truth apply(const Verdict& verdict, Truth match, int depth, Fates& fates) {
        using Kind = Verdict::Kind;
        switch (verdict.kind) {
            case Kind::kAccept: fates.accepted = true; return match;
            case Kind::kDrop: fates.dropped = true; return match;
            case Kind::kReturn: fates.passed = true; return match;
            case Kind::kContinue: return Truth::kNo;
            case Kind::kUnknown: fates.accepted = true; return Truth::kNo;
            case Kind::kJump: {
                Fates inner = chain(verdict.chain, depth + 1);
                const bool returns = inner.passed;
                inner.passed = false;
                fates.add(inner);
                return returns ? Truth::kNo : match;
            }
            case Kind::kGoto: fates.add(chain(verdict.chain, depth + 1)); return match;
        }
        return Truth::kNo;
    }

    Truth apply(const Lookup& lookup, Truth match, int depth, Fates& fates) {
        const auto found = table_.sets.find(lookup.set);
        const bool is_whole =
            found != table_.sets.end() && found->second.reading == Set::Reading::kComplete;
        if (!is_whole) return apply({Verdict::Kind::kUnknown, {}}, match, depth, fates);
        for (const Element& element : found->second.elements) {
            const Truth here = std::min(match, is_member(lookup, element));
            if (here == Truth::kNo) continue;
            const Truth ends = apply(element.verdict, here, depth, fates);
            if (here == Truth::kYes) return ends;
        }
        return Truth::kNo;
    }

    Truth is_member(const Lookup& lookup, const Element& element) const {
        const Octets octets = registers_.load(lookup.from, element.first.size());
        return element.first == element.last ? equals(octets, element.first)
                                             : lies_between(octets, element.first, element.last);
    }

    Truth member(const Lookup& lookup) const {
        const auto found = table_.sets.find(lookup.set);
        if (found == table_.sets.end() || found->second.reading == Set::Reading::kPartial)
            return Truth::kMaybe;
        Truth truth = Truth::kNo;
        for (const Element& element : found->second.elements)
            truth = std::max(truth, is_member(lookup, element));
        return in_sense(truth, lookup.sense);
    }

    Truth extension(const Extension& extension) const {
        const auto of = [&](bool is_true) {
            return in_sense(is_true ? Truth::kYes : Truth::kNo, extension.sense);
        };
        switch (extension.kind) {
            case Extension::Kind::kAlways: return Truth::kYes;
            case Extension::Kind::kStates: return of((extension.states & packet_.state) != 0);
            case Extension::Kind::kDestinationPorts:
                return of(std::ranges::any_of(extension.ports, [&](const auto& range) {
                    return range.first <= packet_.port && packet_.port <= range.second;
                }));
            case Extension::Kind::kToThisHost: return of(packet_.way == Packet::Way::kToThisHost);
            case Extension::Kind::kUnknown: break;
        }
        return Truth::kMaybe;
    }

    Truth look(const Step& step) {
        if (const auto* load = std::get_if<Load>(&step)) {
            registers_.store(load->to, value_of(packet_, *load));
            return Truth::kYes;
        }
        if (const auto* mask = std::get_if<Mask>(&step)) {
            apply(*mask);
            return Truth::kYes;
        }
        if (const auto* one = std::get_if<Compare>(&step))
            return compare(registers_.load(one->from, one->value.size()), *one);
        if (const auto* one = std::get_if<Between>(&step))
            return in_sense(
                lies_between(registers_.load(one->from, one->first.size()), one->first, one->last),
                one->sense);
        if (const auto* one = std::get_if<Lookup>(&step)) return member(*one);
        if (const auto* one = std::get_if<Extension>(&step)) return extension(*one);
        return Truth::kMaybe;
    }

    void apply(const Mask& mask) {
        Octets octets = registers_.load(mask.from, mask.mask.size());
        for (std::size_t i = 0; i < mask.mask.size(); ++i) {
            const std::uint8_t flip = i < mask.flip.size() ? mask.flip[i] : 0;
            octets.known[i] = static_cast<std::uint8_t>(octets.known[i] |
                                                        static_cast<std::uint8_t>(~mask.mask[i]));
            octets.value[i] = static_cast<std::uint8_t>(((octets.value[i] & mask.mask[i]) ^ flip) &
                                                        octets.known[i]);
        }
        registers_.store(mask.to, octets);
    }

    const Table& table_;
    const Packet& packet_;
    Registers registers_;
};

bool sees(const Table& table, const Packet& packet) noexcept {
    if (table.family == Table::Family::kBoth) return true;
    return (table.family == Table::Family::kIpv4) == packet.destination.is_v4();
}

Obstacle::Maker maker_of(const Table& table) {
    using Maker = Obstacle::Maker;
    if (table.name == "firewalld") return Maker::kFirewalld;
    if (std::ranges::any_of(table.chains,
                            [](const auto& one) { return one.first.starts_with("ufw"); }))
        return Maker::kUfw;
    const bool is_xtables = table.family != Table::Family::kBoth &&
                            (table.chains.contains("INPUT") || table.chains.contains("FORWARD"));
    return is_xtables ? Maker::kIptables : Maker::kNftables;
}

std::string name_of(const Table& table) {
    switch (table.family) {
        case Table::Family::kIpv4: return "ip " + table.name;
        case Table::Family::kIpv6: return "ip6 " + table.name;
        case Table::Family::kBoth: break;
    }
    return "inet " + table.name;
}

}  // namespace

std::optional<Obstacle> find_obstacle(const std::vector<Table>& tables, const Packet& packet) {
    const Hook second = packet.way == Packet::Way::kThrough ? Hook::kForward : Hook::kInput;
    for (const Hook hook : {Hook::kPrerouting, second}) {
        const bool is_earlier =
            hook == Hook::kPrerouting && packet.translation == Packet::Translation::kDestination;
        if (is_earlier) continue;  // there it had the VIP's address
        for (const Table& table : tables) {
            if (!sees(table, packet)) continue;
            for (const auto& [name, chain] : table.chains) {
                if (chain.hook != hook) continue;
                const Fates fates = Walk(table, packet).chain(name, 0);
                const bool may_pass = fates.passed && chain.policy == Verdict::Kind::kAccept;
                if (!fates.accepted && !may_pass)
                    return Obstacle{name_of(table), name, maker_of(table)};
            }
        }
    }
    return std::nullopt;
}

}  // namespace hearth::lb::firewall
