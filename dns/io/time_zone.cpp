#include "dns/io/time_zone.h"

#include <date/tz.h>

#include <chrono>
#include <ctime>
#include <stdexcept>

namespace hearth::dns {
namespace {

const date::time_zone* find_zone(const std::string& zone) {
    try {
        return date::locate_zone(zone);
    } catch (const std::runtime_error&) {
        return nullptr;
    }
}

}  // namespace

std::int64_t zone_offset_s(const std::string& zone, std::int64_t utc_s) {
    if (zone.empty()) {
        const auto moment = static_cast<std::time_t>(utc_s);
        std::tm local{};
        return ::localtime_r(&moment, &local) == nullptr ? 0 : local.tm_gmtoff;
    }
    const date::time_zone* found = find_zone(zone);
    if (found == nullptr) return 0;
    return found->get_info(date::sys_seconds(std::chrono::seconds(utc_s))).offset.count();
}

bool has_time_zone(const std::string& zone) { return zone.empty() || find_zone(zone) != nullptr; }

}  // namespace hearth::dns
