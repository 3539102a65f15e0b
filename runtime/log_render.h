#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "runtime/log.h"

// The three written forms of a log event. Pure; log.cpp is the only user but tests.
namespace hearth::log {

// 2026-01-02T03:04:05.678Z warn vip_conflict vip=dns mac="a b"
[[nodiscard]] std::string render_text(WallTime now, Level level, std::string_view event,
                                      Fields fields);

// {"time":…,"level":…,"service":…,"event":…,"key":value…}. Octets that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string render_json(WallTime now, Level level, std::string_view service,
                                      std::string_view event, Fields fields);

// Journal fields, each "NAME=value" ended by a NUL octet: MESSAGE, PRIORITY, MESSAGE_ID,
// HEARTH_EVENT, SYSLOG_IDENTIFIER and HEARTH_<KEY> for each field.
[[nodiscard]] std::string render_journal(Level level, std::string_view service,
                                         std::string_view event, Fields fields);

// 32 hex digits, the same for an event's name for ever (`journalctl MESSAGE_ID=…`).
[[nodiscard]] std::string message_id(std::string_view event);

}  // namespace hearth::log
