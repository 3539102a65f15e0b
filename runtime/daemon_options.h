#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/log.h"

namespace hearth::runtime {

// The command line, the same for all daemons and for hearth-lists.
struct DaemonOptions {
    std::filesystem::path config = "/etc/hearth/hearth.yaml";  // conf.d/*.yaml beside it
    std::string node;  // empty: the node whose address this machine carries
    std::filesystem::path run_dir = "/run/hearth";
    std::filesystem::path state_dir = "/var/lib/hearth";
    bool check = false;  // read and check the document, then exit
    log::Options log;    // its service is the program's name
};

struct ExitCode {
    int value;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInvalidDocument = 3;

// `program` is "hearth-dns". An ExitCode after --help and --version (written to stdout), and after
// a wrong command line (explained on stderr).
[[nodiscard]] std::variant<DaemonOptions, ExitCode> parse_daemon_options(int argc, char** argv,
                                                                         std::string_view program);

}  // namespace hearth::runtime
