#include "dns/io/wall_clock.h"

#include <ctime>

namespace hearth::dns {
namespace {

constexpr std::time_t kSurelyPast = 1'767'225'600;  // 2026-01-01

}  // namespace

bool clock_is_known() noexcept { return std::time(nullptr) >= kSurelyPast; }

}  // namespace hearth::dns
