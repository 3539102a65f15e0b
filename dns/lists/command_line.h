#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/log.h"

namespace hearth::dns {

enum class ListsMode : std::uint8_t { kUpdate, kHelp, kVersion };

struct ListsOptions {
    ListsMode mode = ListsMode::kUpdate;
    std::filesystem::path config = "/etc/hearth/hearth.yaml";
    std::filesystem::path run_dir = "/run/hearth";
    std::filesystem::path state_dir = "/var/lib/hearth";
    bool force = false;                // ask for every list, whenever it was last checked
    std::chrono::seconds timeout{30};  // without progress, before a download is given up
    log::Options log;
    std::vector<std::string> names;  // only these lists are asked for
};

inline constexpr std::string_view kListsUsage =
    R"(usage: hearth-lists [OPTION ...] [NAME ...]

Brings the blocklists of the document up to date, compiles them and tells hearth-dns.
Lists with a URL are asked for when their last check is older than their refresh, or when
named, or with --force; lists in files are always read.

  --config PATH      the document (/etc/hearth/hearth.yaml; conf.d/*.yaml beside it)
  --state-dir DIR    where copies and the compiled image are kept (/var/lib/hearth)
  --run-dir DIR      where hearth-dns has its socket (/run/hearth)
  --force            ask for every list now
  --timeout SECONDS  give a download up after so long without progress (30)
  --log-format F     text, json or journal
  --log-level L      debug, info, warn or error
  --version, --help

Exit status: 0 everything is fresh, 1 something failed and older copies serve, 2 usage,
3 the document is invalid, 5 another hearth-lists is running.
)";

[[nodiscard]] Result<ListsOptions> parse_command_line(int argc, char** argv);

}  // namespace hearth::dns
