#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command_table.h"
#include "cli/console.h"

namespace hearth::cli {

inline constexpr std::string_view kDaemonNames[] = {"dns", "lb", "proxy", "certs"};

// The daemons of this node, by the sockets in one folder. Blocks; 5 s for an answer.
class Daemons {
public:
    explicit Daemons(std::string run_dir) : run_dir_(std::move(run_dir)) {}

    [[nodiscard]] std::string socket(std::string_view daemon) const;
    // hearth-certs is not everywhere: where it never ran, or was stopped in good order, nobody
    // misses it but those who say so themselves.
    [[nodiscard]] bool is_expected(std::string_view daemon) const;
    // The JSON body of a 2xx answer. A daemon's own refusal (4xx, 5xx) is Errc::kInvalid with its
    // words.
    [[nodiscard]] Result<boost::json::value> get(std::string_view daemon,
                                                 std::string_view target) const;
    [[nodiscard]] Result<boost::json::value> post(std::string_view daemon, std::string_view target,
                                                  std::string body = {}) const;
    // Calls `on_event` with each event's one line of JSON until it returns false or the daemon
    // ends.
    [[nodiscard]] Result<void> follow(std::string_view daemon, std::string_view topic,
                                      const std::function<bool(std::string_view)>& on_event) const;

private:
    std::string run_dir_;
};

// Says what is wrong and what to do, and gives the exit code for it.
Exit complain_of(std::string_view daemon, const Error& error, const Console& console);

// Lenient access to JSON: an absent or odd key is empty.
[[nodiscard]] std::string text_of(const boost::json::value& value, std::string_view key);
[[nodiscard]] std::int64_t number_of(const boost::json::value& value, std::string_view key);
[[nodiscard]] bool flag_of(const boost::json::value& value, std::string_view key);
[[nodiscard]] const boost::json::value& child_of(const boost::json::value& value,
                                                 std::string_view key);

// `text` for a query string.
[[nodiscard]] std::string url_encode(std::string_view text);

}  // namespace hearth::cli
