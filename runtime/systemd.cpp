#define SD_JOURNAL_SUPPRESS_LOCATION  // a wrapper's file and line say nothing
#include "runtime/systemd.h"

#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include <cstdlib>
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

std::vector<std::pair<std::string, FileDescriptor>> take_descriptors_from_systemd() {
    std::vector<std::pair<std::string, FileDescriptor>> taken;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        taken.emplace_back(names[i], FileDescriptor(SD_LISTEN_FDS_START + i));
        std::free(names[i]);
    }
    std::free(names);
    return taken;
}

void keep_in_systemd(const std::string& name, int fd) {
    // Not polled: systemd would let go of a socket that has an error to tell.
    const std::string state = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + name;
    sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1);
}

void remove_from_systemd(const std::string& name) {
    notify_systemd("FDSTOREREMOVE=1\nFDNAME=" + name);
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
