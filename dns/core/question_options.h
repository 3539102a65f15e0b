#pragma once

#include <optional>

#include "dns/core/answer_options.h"
#include "dns/core/server_cookie.h"
#include "dns/core/snapshot.h"
#include "dns/core/wire_view.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// What the options of a question ask of its answer; unknown ones are passed over (RFC 6891 §6.1.2).
// nullopt: a cookie of a wrong size, which is FORMERR (RFC 7873 §5.2.2).
[[nodiscard]] std::optional<CookieState> read_options(const Snapshot& snapshot,
                                                      const QueryContext& context,
                                                      const QueryView& query,
                                                      AnswerOptions& options) noexcept;

}  // namespace hearth::dns
