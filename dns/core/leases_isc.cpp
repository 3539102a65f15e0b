#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "dns/core/lease_collector.h"

// The leases of ISC dhcpd (dhcpd.leases(5)): statements that end with ';' in blocks of braces,
// appended for ever; the last block of an address counts.
namespace hearth::dns {
namespace {

// Cuts the text into words, quoted texts without their quotes, and the marks '{', '}' and ';'.
class IscWords {
public:
    explicit IscWords(std::string_view text) noexcept : rest_(text) {}

    // Empty at the end of the text only: a quoted text keeps its opening quote.
    std::string_view next() noexcept {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '#') {
                drop(rest_.find('\n'));
            } else if (is_space(c)) {
                rest_.remove_prefix(1);
            } else {
                return take(c);
            }
        }
        return {};
    }

private:
    static bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

    void drop(std::size_t count) noexcept { rest_.remove_prefix(std::min(count, rest_.size())); }

    std::string_view take(char first) noexcept {
        if (first == '{' || first == '}' || first == ';') return cut(1);
        if (first != '"') return cut(rest_.find_first_of(" \t\n\v\f\r{};\"#"));
        std::size_t end = 1;
        while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2U : 1U;
        const auto word = cut(end);
        drop(1);
        return word;
    }

    std::string_view cut(std::size_t count) noexcept {
        const auto word = rest_.substr(0, count);
        drop(word.size());
        return word;
    }

    std::string_view rest_;
};

std::optional<std::int64_t> number(std::string_view text) noexcept {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

// Three numbers with `mark` in between.
std::optional<std::array<std::int64_t, 3>> three(std::string_view text, char mark) noexcept {
    std::array<std::int64_t, 3> values{};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto end = i < 2 ? text.find(mark) : text.size();
        if (end == std::string_view::npos) return std::nullopt;
        const auto value = number(text.substr(0, end));
        if (!value) return std::nullopt;
        values[i] = *value;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return values;
}

// "2026/11/21" and "14:05:09", in UTC.
std::optional<std::int64_t> moment(std::string_view day, std::string_view time) noexcept {
    const auto date = three(day, '/');
    const auto clock = three(time, ':');
    if (!date || !clock) return std::nullopt;
    constexpr std::int64_t kLastYear = 9999;
    if ((*date)[0] > kLastYear || (*date)[1] > 12 || (*date)[2] > 31) return std::nullopt;
    const std::chrono::year_month_day civil{std::chrono::year(static_cast<int>((*date)[0])),
                                            std::chrono::month(static_cast<unsigned>((*date)[1])),
                                            std::chrono::day(static_cast<unsigned>((*date)[2]))};
    if (!civil.ok() || (*clock)[0] > 23 || (*clock)[1] > 59 || (*clock)[2] > 60)
        return std::nullopt;
    const auto days = std::chrono::sys_days(civil).time_since_epoch().count();
    return std::int64_t{days} * 86400 + (*clock)[0] * 3600 + (*clock)[1] * 60 + (*clock)[2];
}

std::string_view unquoted(std::string_view word) noexcept {
    return word.starts_with('"') ? word.substr(1) : word;
}

struct IscLease {
    std::optional<std::int64_t> ends_s;
    bool is_active = true;
    std::string_view host;        // what the client told
    std::string_view registered;  // what the server made of it
};

constexpr std::size_t kMostWords = 5;
using Statement = std::array<std::string_view, kMostWords>;

void take_ends(const Statement& words, IscLease& lease) noexcept {
    if (words[1] == "never") {
        lease.ends_s = Lease::kForever;
    } else if (words[1] == "epoch") {
        lease.ends_s = number(words[2]);
    } else {
        lease.ends_s = moment(words[2], words[3]);  // behind the day of the week
    }
}

void take_statement(const Statement& words, IscLease& lease) noexcept {
    if (words[0] == "ends") take_ends(words, lease);
    if (words[0] == "binding" && words[1] == "state") lease.is_active = words[2] == "active";
    if (words[0] == "client-hostname") lease.host = unquoted(words[1]);
    if (words[0] == "set" && words[1] == "ddns-fwd-name" && words[2] == "=")
        lease.registered = unquoted(words[3]);
}

// Behind the opening brace; false when the text ends within the block.
bool read_block(IscWords& words, IscLease& lease) noexcept {
    Statement statement{};
    std::size_t count = 0;
    for (int depth = 1; depth > 0;) {
        const auto word = words.next();
        if (word.empty()) return false;
        const bool ends = word == ";" || word == "{" || word == "}";
        if (word == ";" && depth == 1) take_statement(statement, lease);
        if (word == "{") ++depth;
        if (word == "}") --depth;
        if (ends) {
            statement = {};
            count = 0;
        } else if (count < statement.size()) {
            statement[count++] = word;
        }
    }
    return true;
}

}  // namespace

void read_isc_leases(std::string_view text, LeaseCollector& out) {
    IscWords words(text);
    for (auto word = words.next(); !word.empty(); word = words.next()) {
        if (word != "lease" && word != "iaaddr") continue;
        const auto address = IpAddress::parse(words.next());
        IscLease lease;
        if (words.next() != "{" || !read_block(words, lease) || !address || !lease.ends_s) {
            out.count_invalid();
        } else if (lease.is_active) {
            out.put(*address, lease.host.empty() ? lease.registered : lease.host, *lease.ends_s);
        } else {
            out.drop(*address);
        }
    }
}

}  // namespace hearth::dns
