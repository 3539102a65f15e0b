#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/name.h"
#include "base/result.h"
#include "dns/core/query_entry.h"

namespace hearth::dns {

// Which questions are wanted; what is absent or empty does not matter.
struct QueryFilter {
    std::optional<IpPrefix> client;
    std::string client_name;     // instead of `client`
    std::optional<Name> name;    // exactly
    std::optional<Name> suffix;  // at or under
    std::optional<RrType> type;
    std::optional<Rcode> rcode;
    std::optional<Reason> reason;
    std::optional<Transport> transport;
    std::string by;  // the list, or the rule's text
    std::string group;
    std::string upstream;
    std::optional<std::int64_t> from_ms;  // answered at or after
    std::optional<std::int64_t> to_ms;    // answered before

    // `name_of` says what a client is called.
    using NameOf = std::function<std::string_view(const IpAddress&)>;
    [[nodiscard]] bool takes(const QueryEntry& entry, const NameOf& name_of) const;
    [[nodiscard]] bool takes_client(const std::optional<IpAddress>& client,
                                    const NameOf& name_of) const;
};

// A page of the log. Both bounds are ids: a page goes on from the last one without looking at
// what came before it, and what arrives meanwhile neither moves nor repeats anything.
struct QueryPageRequest {
    static constexpr std::size_t kMost = 10'000;

    QueryFilter filter;
    std::optional<std::int64_t> before;  // the newest older than this
    std::optional<std::int64_t> after;   // the oldest newer than this, instead of `before`
    std::size_t limit = 100;
};

using QueryParameters = std::map<std::string, std::string, std::less<>>;

// Foreign text. Keys: client (address, network or name), name, suffix, type, rcode, reason, proto,
// list, group, upstream, from and to (milliseconds since 1970, or "90m", "24h", "7d" ago), and for
// a page before, after, limit. The error says which key, and what is wanted.
[[nodiscard]] Result<QueryFilter> parse_query_filter(const QueryParameters& parameters,
                                                     std::int64_t now_ms);
[[nodiscard]] Result<QueryPageRequest> parse_query_page(QueryParameters parameters,
                                                        std::int64_t now_ms);
// One of `from` and `to`.
[[nodiscard]] std::optional<std::int64_t> parse_query_time(std::string_view text,
                                                           std::int64_t now_ms);

}  // namespace hearth::dns
