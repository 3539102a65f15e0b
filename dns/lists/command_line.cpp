#include "dns/lists/command_line.h"

#include <getopt.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace hearth::dns {
namespace {

enum Option : int {
    kConfig = 256,
    kStateDir,
    kRunDir,
    kForce,
    kTimeout,
    kLogFormat,
    kLogLevel,
    kVersion,
    kHelp
};

constexpr std::array<option, 10> kOptions = {
    {{"config", required_argument, nullptr, kConfig},
     {"state-dir", required_argument, nullptr, kStateDir},
     {"run-dir", required_argument, nullptr, kRunDir},
     {"force", no_argument, nullptr, kForce},
     {"timeout", required_argument, nullptr, kTimeout},
     {"log-format", required_argument, nullptr, kLogFormat},
     {"log-level", required_argument, nullptr, kLogLevel},
     {"version", no_argument, nullptr, kVersion},
     {"help", no_argument, nullptr, kHelp},
     {nullptr, 0, nullptr, 0}}};

tl::unexpected<Error> usage(std::string detail) {
    return fail(Errc::kInvalid, "hearth-lists", std::move(detail) + "; see hearth-lists --help");
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), seconds);
    if (error != std::errc() || end != text.end() || seconds == 0 || seconds > 3600)
        return std::nullopt;
    return std::chrono::seconds(seconds);
}

Result<void> apply(ListsOptions& options, int option, const char* value) {
    switch (option) {
        case kConfig: options.config = value; return {};
        case kStateDir: options.state_dir = value; return {};
        case kRunDir: options.run_dir = value; return {};
        case kForce: options.force = true; return {};
        case kVersion: options.mode = ListsMode::kVersion; return {};
        case kHelp: options.mode = ListsMode::kHelp; return {};
        case kTimeout:
            if (const auto seconds = parse_seconds(value)) {
                options.timeout = *seconds;
                return {};
            }
            return usage("--timeout takes 1 to 3600 seconds");
        case kLogFormat:
            if (const auto format = log::parse_format(value)) {
                options.log.format = *format;
                return {};
            }
            return usage("--log-format is text, json or journal");
        case kLogLevel:
            if (const auto level = log::parse_level(value)) {
                options.log.level = *level;
                return {};
            }
            return usage("--log-level is debug, info, warn or error");
        default: return usage("unknown option, or one without its value");
    }
}

}  // namespace

Result<ListsOptions> parse_command_line(int argc, char** argv) {
    ListsOptions options;
    options.log.service = "hearth-lists";
    opterr = 0;
    while (true) {
        const int option = ::getopt_long(argc, argv, "", kOptions.data(), nullptr);
        if (option < 0) break;
        if (auto applied = apply(options, option, optarg); !applied) return fail(applied.error());
    }
    options.names.assign(argv + optind, argv + argc);
    return options;
}

}  // namespace hearth::dns
