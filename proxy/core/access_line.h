#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "proxy/model/access_record.h"

namespace hearth::proxy {

enum class AccessFormat : std::uint8_t { kOff, kText, kJson, kJournal, kCombined };

// What ends a line, or an entry of the journal.
[[nodiscard]] constexpr char end_of_line(AccessFormat format) noexcept {
    return format == AccessFormat::kJournal ? '\0' : '\n';
}

// Appends one line without its line feed. `when` is the moment the exchange ended.
// kCombined is Apache's "combined" log format; kJournal the fields of one entry, each ended by a
// NUL octet. Control characters and quotes are escaped, secrets in queries left out.
void append_access_line(std::string& out, const AccessRecord& record, AccessFormat format,
                        WallTime when);

}  // namespace hearth::proxy
