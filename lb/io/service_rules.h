#pragma once

#include <array>
#include <cstring>
#include <vector>

#include "lb/core/service_plan.h"
#include "lb/io/nft_message.h"

// Keys and rules of the services' tables, one for each family (see service_table.h).
namespace hearth::lb {

// What differs between IPv4 and IPv6.
struct ServiceFamily {
    NftTable table;
    std::uint32_t address_size;        // octets
    std::uint32_t source;              // offsets in the network header
    std::uint32_t destination;         //
    std::uint32_t address_type;        // nft's number of the data type, so that it can print
    std::uint32_t original_addressee;  // key of `ct`

    [[nodiscard]] std::uint32_t words() const noexcept { return address_size / 4; }
};

[[nodiscard]] const ServiceFamily& service_family(IpFamily family) noexcept;

inline constexpr const char* kServiceMap = "services";
inline constexpr const char* kBackendMap = "backends";
inline constexpr const char* kAffinityMap = "affinity";
inline constexpr const char* kServiceVips = "vips";
inline constexpr const char* kDispatchChain = "services";
inline constexpr const char* kPostroutingChain = "postrouting";

// Fields of a key or value, each padded to four octets.
class FieldBytes {
public:
    FieldBytes& address(const IpAddress& address) { return append(address.bytes()); }
    FieldBytes& transport(Transport transport) {
        const std::uint8_t octet = static_cast<std::uint8_t>(transport);
        return append({&octet, 1});
    }
    FieldBytes& port(std::uint16_t port) {
        std::array<std::uint8_t, 2> octets{};
        store_be16(octets.data(), port);
        return append(octets);
    }
    FieldBytes& slot(std::uint32_t slot) {  // as the kernel computes with it
        std::array<std::uint8_t, 4> octets{};
        std::memcpy(octets.data(), &slot, 4);
        return append(octets);
    }
    [[nodiscard]] ByteView bytes() const noexcept { return {octets_.data(), size_}; }

private:
    FieldBytes& append(ByteView field) {
        std::memcpy(octets_.data() + size_, field.data(), field.size());
        size_ += (field.size() + 3) / 4 * 4;
        return *this;
    }
    std::array<std::uint8_t, 64> octets_{};
    std::size_t size_ = 0;
};

[[nodiscard]] inline FieldBytes port_key(const OpenPort& port) {
    return FieldBytes().address(port.vip).transport(port.transport).port(port.port);
}
[[nodiscard]] inline FieldBytes endpoint_value(const Endpoint& endpoint) {
    return FieldBytes().address(endpoint.address).port(endpoint.port);
}

[[nodiscard]] std::vector<Rule> rules_of(const ServiceFamily& family, const ServiceChain& chain);
[[nodiscard]] Rule dispatch_rule(const ServiceFamily& family);
[[nodiscard]] Rule masquerade_rule(const ServiceFamily& family);

}  // namespace hearth::lb
