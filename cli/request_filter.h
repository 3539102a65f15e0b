#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "cli/command_table.h"

namespace hearth::cli {

// Which requests `hearth tail proxy` shows; all that were given must hold.
class RequestFilter {
public:
    // The options that are its own; --client it has in common with questions.
    [[nodiscard]] static std::vector<Option> options();
    // The error says which option is wrong.
    [[nodiscard]] static Result<RequestFilter> from(const Invocation& invocation);

    [[nodiscard]] bool is_empty() const noexcept;
    // `event`: as the daemon tells of a request.
    [[nodiscard]] bool matches(const boost::json::value& event) const;

private:
    [[nodiscard]] bool has_status(std::int64_t status) const;

    std::string service_;
    std::string status_;  // "502", "5xx"; empty: any
    std::optional<IpPrefix> client_;
    enum class Kind { kAny, kFailed } kind_ = Kind::kAny;
};

}  // namespace hearth::cli
