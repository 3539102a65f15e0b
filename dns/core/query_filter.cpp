#include "dns/core/query_filter.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"

namespace hearth::dns {
namespace {

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end || text.empty() || value < 0) return std::nullopt;
    return value;
}

// The values of an enum by the word that shows them, or by number.
template <class E>
std::optional<E> word_of(std::string_view text, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        if (equals_ignoring_case(to_string(static_cast<E>(i)), text)) return static_cast<E>(i);
    return std::nullopt;
}

std::optional<RrType> type_of(std::string_view text) {
    constexpr std::string_view kUnknown = "TYPE";  // RFC 3597 §5
    // The types that have a name here are all below 256.
    if (const auto named = word_of<RrType>(text, 256)) return named;
    if (text.size() > kUnknown.size() &&
        equals_ignoring_case(text.substr(0, kUnknown.size()), kUnknown))
        text.remove_prefix(kUnknown.size());
    const auto value = number<int>(text);
    if (!value || *value > UINT16_MAX) return std::nullopt;
    return static_cast<RrType>(*value);
}

std::optional<Rcode> rcode_of(std::string_view text) {
    if (const auto named = word_of<Rcode>(text, 24)) return named;
    const auto value = number<int>(text);
    if (!value || *value > 0xff) return std::nullopt;
    return static_cast<Rcode>(*value);
}

Error wanted(std::string_view key, std::string_view what) {
    return {Errc::kInvalid, std::string(key), std::string(what)};
}

// Sets `member`, or says what was wanted.
template <class T>
Result<void> take(std::optional<T>& member, std::optional<T> value, std::string_view key,
                  std::string_view what) {
    if (!value) return fail(wanted(key, what));
    member = std::move(value);
    return {};
}

Result<void> take_client(QueryFilter& filter, std::string_view text) {
    filter.client = IpPrefix::parse(text);
    if (filter.client) return {};
    if (const auto address = IpAddress::parse(text)) {
        filter.client =
            IpPrefix::parse(address->to_string() + "/" + std::to_string(address->bit_length()));
        return {};
    }
    if (text.empty()) return fail(wanted("client", "an address, a network or a name is wanted"));
    filter.client_name = text;
    return {};
}

Result<void> take_parameter(QueryFilter& filter, std::string_view key, const std::string& text,
                            std::int64_t now_ms) {
    constexpr std::string_view kName = "a domain name is wanted";
    constexpr std::string_view kTime =
        "milliseconds since 1970 or a time ago (90m, 24h, 7d) are wanted";
    if (key == "client") return take_client(filter, text);
    if (key == "name") return take(filter.name, Name::parse(text), key, kName);
    if (key == "suffix") return take(filter.suffix, Name::parse(text), key, kName);
    if (key == "type")
        return take(filter.type, type_of(text), key, "a type such as AAAA is wanted");
    if (key == "rcode")
        return take(filter.rcode, rcode_of(text), key, "a code such as NXDOMAIN is wanted");
    if (key == "reason")
        return take(filter.reason, word_of<Reason>(text, kReasonCount), key,
                    "a reason such as blocked, cached or forwarded is wanted");
    if (key == "proto")
        return take(filter.transport, word_of<Transport>(text, kTransportCount), key,
                    "udp, tcp, tls or https is wanted");
    if (key == "from") return take(filter.from_ms, parse_query_time(text, now_ms), key, kTime);
    if (key == "to") return take(filter.to_ms, parse_query_time(text, now_ms), key, kTime);
    const std::array<std::pair<std::string_view, std::string*>, 3> words{
        {{"list", &filter.by}, {"group", &filter.group}, {"upstream", &filter.upstream}}};
    for (const auto& [word, member] : words) {
        if (key != word) continue;
        if (text.empty()) return fail(wanted(key, "a name is wanted"));
        *member = text;
        return {};
    }
    return fail(wanted(key,
                       "not something to filter by: client, name, suffix, type, rcode, "
                       "reason, proto, list, group, upstream, from, to"));
}

}  // namespace

bool QueryFilter::takes_client(const std::optional<IpAddress>& who, const NameOf& name_of) const {
    if (!client && client_name.empty()) return true;
    if (!who) return false;
    return client ? client->contains(*who) : equals_ignoring_case(name_of(*who), client_name);
}

bool QueryFilter::takes(const QueryEntry& entry, const NameOf& name_of) const {
    if (type && *type != entry.type) return false;
    if (rcode && *rcode != entry.rcode) return false;
    if (reason && *reason != entry.reason) return false;
    if (transport && *transport != entry.transport) return false;
    if (from_ms && entry.wall_ms < *from_ms) return false;
    if (to_ms && entry.wall_ms >= *to_ms) return false;
    if (!by.empty() && by != entry.by) return false;
    if (!group.empty() && group != entry.group) return false;
    if (!upstream.empty() && upstream != entry.upstream) return false;
    if (!takes_client(entry.client, name_of)) return false;
    if (!name && !suffix) return true;
    const auto own = entry.name.empty() ? std::nullopt : Name::parse(entry.name);
    return own && (!name || *own == *name) && (!suffix || own->is_at_or_under(*suffix));
}

std::optional<std::int64_t> parse_query_time(std::string_view text, std::int64_t now_ms) {
    constexpr std::int64_t kFarthest = 400LL * 24 * 3600 * 1000;
    constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
        {{'s', 1000}, {'m', 60'000}, {'h', 3'600'000}, {'d', 86'400'000}}};
    for (const auto& [unit, ms] : kUnits) {
        if (text.empty() || text.back() != unit) continue;
        const auto count = number<std::int64_t>(text.substr(0, text.size() - 1));
        if (!count || *count > kFarthest / ms) return std::nullopt;
        return now_ms - *count * ms;
    }
    return number<std::int64_t>(text);
}

Result<QueryFilter> parse_query_filter(const QueryParameters& parameters, std::int64_t now_ms) {
    QueryFilter filter;
    for (const auto& [key, value] : parameters)
        if (auto taken = take_parameter(filter, key, value, now_ms); !taken)
            return fail(std::move(taken.error()));
    return filter;
}

Result<QueryPageRequest> parse_query_page(QueryParameters parameters, std::int64_t now_ms) {
    QueryPageRequest page;
    constexpr std::string_view kCursor = "a number from an earlier page is wanted";
    if (const auto found = parameters.extract("limit")) {
        const auto limit = number<std::int64_t>(found.mapped());
        if (!limit || *limit == 0) return fail(wanted("limit", "a number from 1 is wanted"));
        page.limit =
            static_cast<std::size_t>(std::min<std::int64_t>(*limit, QueryPageRequest::kMost));
    }
    if (const auto found = parameters.extract("before")) {
        auto taken = take(page.before, number<std::int64_t>(found.mapped()), "before", kCursor);
        if (!taken) return fail(std::move(taken.error()));
    }
    if (const auto found = parameters.extract("after")) {
        auto taken = take(page.after, number<std::int64_t>(found.mapped()), "after", kCursor);
        if (!taken) return fail(std::move(taken.error()));
        if (page.before) return fail(wanted("after", "give before or after, not both"));
    }
    auto filter = parse_query_filter(parameters, now_ms);
    if (!filter) return fail(std::move(filter.error()));
    page.filter = std::move(*filter);
    return page;
}

}  // namespace hearth::dns
