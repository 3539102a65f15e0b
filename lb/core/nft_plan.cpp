#include "lb/core/nft_plan.h"

#include <map>

namespace hearth::lb {
namespace {

using Kind = NftOperation::Kind;
using Shape = InstalledRules::Shape;

}  // namespace

PortPattern common_pattern(const std::set<OpenPort>& ports) noexcept {
    if (ports.empty()) return {};
    const std::uint16_t first = ports.begin()->port;
    unsigned differing = 0;
    for (const OpenPort& one : ports) differing |= first ^ one.port;
    const auto mask = static_cast<std::uint16_t>(~differing);
    return {mask, static_cast<std::uint16_t>(first & mask)};
}

// Rules stay as they are: where those for one pattern do not do, the table is another one.
std::vector<NftOperation> plan_changes(const InstalledRules& installed, const PortRules& desired) {
    std::vector<NftOperation> operations;
    const PortPattern pattern = common_pattern(desired.open);
    const bool keep = installed.shape == Shape::kCurrent && !desired.vips.empty() &&
                      common_pattern(installed.rules.open) == pattern;
    if (installed.shape != Shape::kAbsent && !keep)
        operations.push_back({Kind::kDeleteTable, {}, {}});
    if (desired.vips.empty()) return operations;
    if (!keep) operations.push_back({Kind::kCreateTable, {}, {}, pattern});

    const PortRules present = keep ? installed.rules : PortRules{};
    for (const auto& vip : present.vips)
        if (!desired.vips.contains(vip)) operations.push_back({Kind::kRemoveVip, vip, {}});
    const auto change = [&](const std::set<OpenPort>& before, const std::set<OpenPort>& after,
                            Kind remove, Kind add) {
        for (const auto& port : before)
            if (!after.contains(port)) operations.push_back({remove, {}, port});
        for (const auto& port : after)
            if (!before.contains(port)) operations.push_back({add, {}, port});
    };
    change(present.open, desired.open, Kind::kClosePort, Kind::kOpenPort);
    std::map<std::uint16_t, OpenPort> numbers;
    for (const auto& port : present.open) numbers.emplace(port.port, port);
    for (const auto& port : desired.open) numbers.erase(port.port);
    for (const auto& [number, port] : numbers)
        operations.push_back({Kind::kForgetNumber, {}, port});
    change(present.passing, desired.passing, Kind::kStopPort, Kind::kPassPort);
    for (const auto& vip : desired.vips)
        if (!present.vips.contains(vip)) operations.push_back({Kind::kAddVip, vip, {}});
    return operations;
}

}  // namespace hearth::lb
