#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

// The one owner of libsystemd: readiness, watchdog, journal. Everything is a no-op when
// the process was not started by systemd.
namespace hearth::runtime {

// sd_notify(3): "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…", joined by
// newlines.
void notify_systemd(const std::string& state);

// RELOADING=1 with the monotonic time stamp that Type=notify-reload (systemd 253) asks for.
void notify_systemd_reloading();

// How often systemd expects WATCHDOG=1 (WatchdogSec), if at all.
[[nodiscard]] std::optional<Duration> systemd_watchdog_interval();

// Sends one entry made of "NAME=value" fields that are each ended by a NUL octet. Errors are
// ignored: there is nowhere to report them.
void send_to_journal(std::string_view nul_separated_fields);

}  // namespace hearth::runtime
