#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "runtime/file_descriptor.h"

// The one owner of libsystemd: readiness, watchdog, kept descriptors, journal. Everything is a
// no-op when the process was not started by systemd.
namespace hearth::runtime {

// sd_notify(3): "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…", joined by
// newlines.
void notify_systemd(const std::string& state);

// RELOADING=1 with the monotonic time stamp that Type=notify-reload (systemd 253) asks for.
void notify_systemd_reloading();

// How often systemd expects WATCHDOG=1 (WatchdogSec), if at all.
[[nodiscard]] std::optional<Duration> systemd_watchdog_interval();

// What systemd kept for the unit (sd_listen_fds_with_names(3)), by name; once.
[[nodiscard]] std::vector<std::pair<std::string, FileDescriptor>> take_descriptors_from_systemd();
// Hands it a copy to keep while the unit restarts: FDSTORE=1 of sd_notify(3). Names are without
// colons.
void keep_in_systemd(const std::string& name, int fd);
void remove_from_systemd(const std::string& name);

// Sends one entry made of "NAME=value" fields that are each ended by a NUL octet. Errors are
// ignored: there is nowhere to report them.
void send_to_journal(std::string_view nul_separated_fields);

}  // namespace hearth::runtime
