#include "runtime/daemon_options.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace hearth::runtime {

std::variant<DaemonOptions, ExitCode> parse_daemon_options(int argc, char** argv,
                                                           std::string_view program) {
    DaemonOptions options;
    options.log.service = program;
    std::string format = "text";
    std::string level = "info";

    CLI::App app("One of Hearth's daemons; see hearth(1).", std::string(program));
    app.set_version_flag("--version", std::string(program) + " " HEARTH_VERSION);
    app.add_option("--config", options.config, "the document; conf.d/*.yaml is read beside it")
        ->capture_default_str();
    app.add_option("--node", options.node,
                   "which node of the document this is; otherwise the one whose address we carry");
    app.add_option("--run-dir", options.run_dir, "where the control sockets are")
        ->capture_default_str();
    app.add_option("--state-dir", options.state_dir, "where what must survive a restart is kept")
        ->capture_default_str();
    app.add_flag("--check", options.check, "read and check the document, then exit (3: invalid)");
    app.add_option("--log-format", format, "to stderr as text or json, or to the journal")
        ->check(CLI::IsMember({"text", "json", "journal"}))
        ->capture_default_str();
    app.add_option("--log-level", level, "the least important events to log")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return ExitCode{app.exit(error, std::cout, std::cerr) == 0 ? kExitOk : kExitUsage};
    }
    options.log.format = log::parse_format(format).value_or(log::Format::kText);
    options.log.level = log::parse_level(level).value_or(log::Level::kInfo);
    return options;
}

}  // namespace hearth::runtime
