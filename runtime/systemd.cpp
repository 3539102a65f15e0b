#define SD_JOURNAL_SUPPRESS_LOCATION  // a wrapper's file and line say nothing
#include "runtime/systemd.h"

#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include <vector>

namespace hearth::runtime {

void notify_systemd(const std::string& state) { sd_notify(0, state.c_str()); }

void notify_systemd_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    notify_systemd("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}

std::optional<Duration> systemd_watchdog_interval() {
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0) return std::nullopt;
    return std::chrono::microseconds(usec);
}

void send_to_journal(std::string_view nul_separated_fields) {
    std::vector<iovec> fields;
    while (!nul_separated_fields.empty()) {
        const std::size_t end = nul_separated_fields.find('\0');
        const std::string_view field = nul_separated_fields.substr(0, end);
        fields.push_back({const_cast<char*>(field.data()), field.size()});
        if (end == std::string_view::npos) break;
        nul_separated_fields.remove_prefix(end + 1);
    }
    if (!fields.empty()) sd_journal_sendv(fields.data(), static_cast<int>(fields.size()));
}

}  // namespace hearth::runtime
