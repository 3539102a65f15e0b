#include "lb/core/service_plan.h"

#include <charconv>
#include <set>

namespace hearth::lb {
namespace {

using Kind = ServiceOperation::Kind;
using Shape = InstalledRules::Shape;

constexpr std::string_view kPrefix = "to-";

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

std::set<IpAddress> vips_of(const auto& ports) {
    std::set<IpAddress> vips;
    for (const auto& [port, rest] : ports) vips.insert(port.vip);
    return vips;
}

}  // namespace

std::string chain_name(const OpenPort& port, const Balancing& balancing) {
    Digest digest;
    digest.add(port.vip.bytes());
    digest.add(static_cast<std::uint8_t>(port.transport));
    digest.add(port.port);
    digest.add(static_cast<std::uint8_t>(balancing.balance));
    for (const Endpoint& backend : balancing.backends) {
        digest.add(backend.address.bytes());
        digest.add(backend.port);
    }
    return std::string(kPrefix) + digest.hex() + "-" + std::to_string(balancing.backends.size());
}

std::size_t rules_in(const std::string& name) {
    if (!name.starts_with(kPrefix)) return 0;
    std::size_t count = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + name.rfind('-') + 1, end, count);
    return read.ec == std::errc{} && read.ptr == end ? count : 0;
}

std::vector<ServiceOperation> plan_services(const InstalledServices& installed,
                                            const BalancedPorts& desired) {
    std::vector<ServiceOperation> operations;
    const bool keep = installed.shape == Shape::kCurrent && !desired.empty();
    if (installed.shape != Shape::kAbsent && !keep)
        operations.push_back({Kind::kDeleteTable, {}, {}, {}});
    if (desired.empty()) return operations;
    if (!keep) operations.push_back({Kind::kCreateTable, {}, {}, {}});

    const auto present = keep ? installed.chains : std::map<OpenPort, std::string>{};
    for (const auto& [port, chain] : present) {
        const auto wanted = desired.find(port);
        if (wanted != desired.end() && chain_name(port, wanted->second) == chain) continue;
        operations.push_back({Kind::kRemovePort, port, chain, {}});
        operations.push_back({Kind::kRemoveChain, port, chain, {}});
    }
    for (const auto& [port, balancing] : desired) {
        std::string chain = chain_name(port, balancing);
        const auto found = present.find(port);
        if (found != present.end() && found->second == chain) continue;
        operations.push_back({Kind::kAddChain, port, chain, balancing});
        operations.push_back({Kind::kAddPort, port, std::move(chain), {}});
    }
    const auto before = vips_of(present);
    const auto after = vips_of(desired);
    for (const auto& vip : before)
        if (!after.contains(vip))
            operations.push_back({Kind::kRemoveVip, {vip, Transport::kTcp, 0}, {}, {}});
    for (const auto& vip : after)
        if (!before.contains(vip))
            operations.push_back({Kind::kAddVip, {vip, Transport::kTcp, 0}, {}, {}});
    return operations;
}

}  // namespace hearth::lb
