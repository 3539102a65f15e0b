#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

// What came from outside, as lines and JSON may hold it.
namespace hearth::proxy {

// With at least `digits` of them.
void append_number(std::string& out, std::uint64_t number, std::size_t digits = 1);
// Without the quotes around it. Octets that are not ASCII came from a broken client, or are
// taken one by one.
void append_json_escaped(std::string& out, std::string_view text);
void append_json_quoted(std::string& out, std::string_view text);
// As Apache's logs do: \" \\ and \xhh.
void append_log_escaped(std::string& out, std::string_view text);

// "2026-11-20T23:40:15.123Z"
void append_iso_time(std::string& out, WallTime when);
// "20/Nov/2026:23:40:15 +0000"
void append_apache_time(std::string& out, WallTime when);

}  // namespace hearth::proxy
