#include "lb/model/drop.h"

namespace hearth::lb {

std::string_view to_string(Drop reason) noexcept {
    static constexpr std::array<std::string_view, kDropReasons> kNames{
        "truncated",    "not_vrrp",       "bad_checksum", "bad_ttl",
        "bad_version",  "trailing_bytes", "bad_interval", "password",
        "unknown_vrid", "unknown_peer",   "own_packet",   "wrong_address_set",
        "bad_arp",      "bad_ndp",        "not_for_us",   "not_owner",
        "no_lan"};
    return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace hearth::lb
