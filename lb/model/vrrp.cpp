#include "lb/model/vrrp.h"

#include <array>

namespace hearth::lb {

IpAddress vrrp_group(IpFamily family) noexcept {
    static constexpr std::array<std::uint8_t, 16> kV6{0xff, 2, 0, 0, 0, 0, 0, 0,
                                                      0,    0, 0, 0, 0, 0, 0, 0x12};
    return family == IpFamily::kV4 ? IpAddress::v4(224, 0, 0, 18) : IpAddress::from_bytes(kV6);
}

}  // namespace hearth::lb
