#include "lb/core/vip_frames.h"

#include "lb/core/arp_codec.h"
#include "lb/core/ndp_codec.h"
#include "lb/model/vrrp.h"

namespace hearth::lb {

void announce(std::vector<Frame>& out, MacAddress own, const IpAddress& address) {
    if (address.is_v6()) {
        out.push_back(unsolicited_advertisement(own, address));
        return;
    }
    out.push_back(gratuitous_request(own, address));
    out.push_back(gratuitous_reply(own, address));
}

Frame probe_for(MacAddress own, const IpAddress& address) {
    return address.is_v6() ? ndp_probe(address) : arp_probe(own, address);
}

Frame question_about(MacAddress own, const IpAddress& own_ip, const IpAddress& address) {
    return address.is_v6() ? ndp_question(own, own_ip, address)
                           : arp_question(own, own_ip, address);
}

bool is_advert(const Frame& frame) noexcept {
    constexpr std::size_t kNextHeader = 6;
    const auto& packet = frame.payload;
    if (frame.type != EtherType::kIpv6) return frame.type == EtherType::kIpv4;
    return packet.size() > kNextHeader && packet[kNextHeader] == kVrrpProtocol;
}

}  // namespace hearth::lb
