#include "dns/core/leases.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/ascii.h"
#include "base/name.h"
#include "dns/core/lease_collector.h"

namespace hearth::dns {
namespace {

constexpr std::string_view kSpace = " \t\r";

std::optional<std::int64_t> number(std::string_view text) noexcept {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!line.empty()) visit(line);
    }
}

// The next word in front of `line`, which it leaves.
std::string_view take_word(std::string_view& line) noexcept {
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    const auto word = line.substr(0, line.find_first_of(kSpace));
    line.remove_prefix(word.size());
    return word;
}

// The columns of Kea's CSV that matter; they are found by their names, which differ between the
// versions and between leases of IPv4 and IPv6.
struct KeaColumns {
    static constexpr std::size_t kNone = SIZE_MAX;
    std::size_t address = kNone, lifetime = kNone, expire = kNone, host = kNone, state = kNone,
                type = kNone;
};

constexpr std::size_t kMostColumns = 32;
using Columns = std::array<std::string_view, kMostColumns>;

std::size_t split(std::string_view line, Columns& columns) noexcept {
    for (std::size_t count = 0; count < columns.size(); ++count) {
        const auto comma = line.find(',');
        columns[count] = line.substr(0, comma);
        if (comma == std::string_view::npos) return count + 1;
        line.remove_prefix(comma + 1);
    }
    return columns.size();
}

KeaColumns columns_of(std::string_view header) noexcept {
    Columns names;
    const std::size_t count = split(header, names);
    const auto at = [&](std::string_view name) {
        const auto end = names.begin() + static_cast<std::ptrdiff_t>(count);
        const auto found = std::find(names.begin(), end, name);
        return found == end ? KeaColumns::kNone : static_cast<std::size_t>(found - names.begin());
    };
    return {at("address"),  at("valid_lifetime"), at("expire"),
            at("hostname"), at("state"),          at("lease_type")};
}

bool read_kea_line(std::string_view line, const KeaColumns& at, LeaseCollector& out) {
    constexpr std::string_view kDefaultState = "0";
    constexpr std::string_view kPrefixLease = "2";
    constexpr std::int64_t kInfinite = 0xffffffff;
    Columns fields;
    const std::size_t count = split(line, fields);
    const auto field = [&](std::size_t column) {
        return column < count ? fields[column] : std::string_view{};
    };
    const auto address = IpAddress::parse(field(at.address));
    const auto lifetime = number(field(at.lifetime));
    const auto expire = number(field(at.expire));
    if (!address || !lifetime || !expire || at.host >= count) return false;
    if (field(at.type) == kPrefixLease) return true;
    const auto state = field(at.state);
    if (*lifetime == 0 || (!state.empty() && state != kDefaultState)) {
        out.drop(*address);
    } else {
        out.put(*address, field(at.host), *lifetime == kInfinite ? Lease::kForever : *expire);
    }
    return true;
}

bool is_taken_by_programs(std::string_view label) noexcept {
    return label == "wpad" || label == "isatap" || label == "localhost";
}

}  // namespace

std::string lease_host(std::string_view told) {
    std::string label;
    for (const char c : told.substr(0, told.find('.'))) {
        const char lower = to_lower(c);
        const bool is_kept = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (is_kept) {
            label += lower;
        } else if (!label.empty() && label.back() != '-') {
            label += '-';
        }
    }
    label.resize(std::min(label.size(), Name::kMaxLabel));
    while (label.ends_with('-')) label.pop_back();
    return is_taken_by_programs(label) ? std::string() : label;
}

void LeaseCollector::put(const IpAddress& address, std::string_view told, std::int64_t ends_s) {
    std::string host = lease_host(told);
    if (host.empty()) {
        ++counts_.nameless;
        drop(address);  // the address is another client's now
        return;
    }
    leases_.insert_or_assign(address, Lease{address, std::move(host), ends_s});
}

LeaseFile LeaseCollector::finish() && {
    LeaseFile file;
    file.counts = counts_;
    file.leases.reserve(leases_.size());
    for (auto& [address, lease] : leases_) file.leases.push_back(std::move(lease));
    return file;
}

// "1700000000 aa:bb:cc:dd:ee:ff 10.0.0.60 tablet 01:aa:…"; "*" when no name was told, 0 for ever.
// A line "duid …" stands in front of leases of IPv6, which have an IAID in place of the MAC.
void read_dnsmasq_leases(std::string_view text, LeaseCollector& out) {
    each_line(text, [&](std::string_view line) {
        const auto ends = take_word(line);
        if (ends == "duid" || ends.empty()) return;
        (void)take_word(line);
        const auto address = IpAddress::parse(take_word(line));
        const auto host = take_word(line);
        const auto ends_s = number(ends);
        if (!address || !ends_s || host.empty()) return out.count_invalid();
        out.put(*address, host, *ends_s == 0 ? Lease::kForever : *ends_s);
    });
}

// Kea appends: a later line replaces an earlier one of the same address.
void read_kea_leases(std::string_view text, LeaseCollector& out) {
    KeaColumns columns;
    each_line(text, [&](std::string_view line) {
        if (line.starts_with("address,")) {
            columns = columns_of(line);
        } else if (!read_kea_line(line, columns, out)) {
            out.count_invalid();
        }
    });
}

LeaseFormat lease_format_of(std::string_view text) noexcept {
    auto format = LeaseFormat::kDnsmasq;
    each_line(text, [&](std::string_view line) {
        auto rest = line;
        const auto word = take_word(rest);
        const bool opens = rest.find('{') != std::string_view::npos;
        if (line.starts_with("address,")) format = LeaseFormat::kKea;
        if (opens && (word == "lease" || word == "ia-na" || word == "ia-ta"))
            format = LeaseFormat::kIsc;
    });
    return format;
}

LeaseFile read_leases(std::string_view text) {
    LeaseCollector collector;
    switch (lease_format_of(text)) {
        case LeaseFormat::kDnsmasq: read_dnsmasq_leases(text, collector); break;
        case LeaseFormat::kKea: read_kea_leases(text, collector); break;
        case LeaseFormat::kIsc: read_isc_leases(text, collector); break;
    }
    return std::move(collector).finish();
}

}  // namespace hearth::dns
