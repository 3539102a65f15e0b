#include "config/codec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/idna.h"
#include "config/json_text.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// The larger first, so that printing finds the one that divides.
constexpr std::array kTimeUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizeUnits{Unit{"GiB", 1U << 30}, Unit{"MiB", 1U << 20}, Unit{"KiB", 1U << 10},
                                Unit{"B", 1}};

bool is_digits(std::string_view text) noexcept {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint64_t> decimal(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!is_digits(text) || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// A number and one of `units`: "250ms", "16MiB".
template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto value = decimal(text.substr(0, digits));
    for (const Unit& unit : units) {
        if (value && unit.name == text.substr(digits) && *value <= UINT64_MAX / unit.factor)
            return *value * unit.factor;
    }
    return std::nullopt;
}

template <std::size_t N>
std::string print_with_unit(std::uint64_t value, const std::array<Unit, N>& units) {
    for (const Unit& unit : units) {
        if (value != 0 && value % unit.factor == 0)
            return std::to_string(value / unit.factor) + std::string(unit.name);
    }
    return "0" + std::string(units[N - 2].name);
}

std::string range(std::string_view min, std::string_view max) {
    return "(" + std::string(min) + " to " + std::string(max) + ")";
}

bool is_plain_word(const Value& value) { return value.style == Style::kPlain; }

}  // namespace

Parsed<std::uint64_t> parse_integer(const Value& value, std::uint64_t min, std::uint64_t max) {
    const std::string& text = value.text;
    if (!is_digits(text)) return fault(text + " is not a whole number in decimal digits");
    if (!is_plain_word(value)) return fault("this is text; write the number without quotes", text);
    if (text.size() > 1 && text[0] == '0') {
        const auto stripped = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
        return fault(text + " begins with 0, which many YAML readers take for octal", stripped);
    }
    const auto number = decimal(text);
    if (!number || *number < min || *number > max)
        return fault(text + " is out of range " + range(std::to_string(min), std::to_string(max)));
    return *number;
}

Parsed<milliseconds> parse_duration(const Value& value, milliseconds min, milliseconds max) {
    const auto number = with_unit(value.text, kTimeUnits);
    if (!number && is_digits(value.text))
        return fault("a duration needs its unit: ms, s, m, h or d", value.text + "s");
    if (!number) return fault(value.text + " is not a duration such as 250ms, 10s, 5m, 12h or 7d");
    if (*number < static_cast<std::uint64_t>(min.count()) ||
        *number > static_cast<std::uint64_t>(max.count()))
        return fault(value.text + " is out of range " +
                     range(print_duration(min), print_duration(max)));
    return milliseconds(*number);
}

Parsed<std::uint64_t> parse_size(const Value& value, std::uint64_t min, std::uint64_t max) {
    const auto number = with_unit(value.text, kSizeUnits);
    if (!number && is_digits(value.text))
        return fault("a size needs its unit: B, KiB, MiB or GiB", value.text + "MiB");
    if (!number) return fault(value.text + " is not a size such as 512KiB, 16MiB or 1GiB");
    if (*number < min || *number > max)
        return fault(value.text + " is out of range " + range(print_size(min), print_size(max)));
    return *number;
}

std::string print_duration(milliseconds duration) {
    return print_with_unit(static_cast<std::uint64_t>(duration.count()), kTimeUnits);
}

std::string print_size(std::uint64_t bytes) { return print_with_unit(bytes, kSizeUnits); }

std::string integer_schema(std::uint64_t min, std::uint64_t max) {
    return R"({"type":"integer","minimum":)" + std::to_string(min) + R"(,"maximum":)" +
           std::to_string(max) + "}";
}

std::string text_schema(std::string_view pattern, std::string_view format) {
    std::string out = R"({"type":"string")";
    if (!pattern.empty()) out += R"(,"pattern":)" + json_quote(pattern);
    if (!format.empty()) out += R"(,"format":)" + json_quote(format);
    return out + "}";
}

Codec<std::size_t> size(std::uint64_t min, std::uint64_t max) {
    const auto parse = [min, max](const Value& value) { return parse_size(value, min, max); };
    return scalar<std::size_t>("size, " + print_size(min) + " to " + print_size(max),
                               text_schema("^[0-9]+(B|KiB|MiB|GiB)$"), parse, print_size);
}

Codec<bool> boolean() {
    const auto parse = [](const Value& value) -> Parsed<bool> {
        const std::string& text = value.text;
        if (is_plain_word(value) && (text == "true" || text == "false")) return text == "true";
        const std::string meant = closest(text, {"true", "false"});
        if (text == "yes" || text == "on")
            return fault(text + " is text here, not a boolean", "true");
        if (text == "no" || text == "off")
            return fault(text + " is text here, not a boolean", "false");
        return fault("expected true or false", meant);
    };
    return scalar<bool>("true or false", R"({"type":"boolean"})", parse,
                        [](const bool& value) { return std::string(value ? "true" : "false"); });
}

Codec<std::uint16_t> port() {
    auto codec = integer<std::uint16_t>(1, 65535);
    codec.type.name = "port, 1 to 65535";
    return codec;
}

Codec<IpAddress> address() {
    const auto parse = [](const Value& value) -> Parsed<IpAddress> {
        const auto parsed = IpAddress::parse(value.text);
        if (parsed) return *parsed;
        const auto host = IpAddress::parse(value.text.substr(0, value.text.find('/')));
        return fault(value.text + " is not an IPv4 or IPv6 address",
                     host ? host->to_string() : std::string{});
    };
    return scalar<IpAddress>("address", text_schema(), parse);
}

Codec<IpPrefix> prefix() {
    const auto parse = [](const Value& value) -> Parsed<IpPrefix> {
        const std::string& text = value.text;
        if (const auto parsed = IpPrefix::parse(text)) return *parsed;
        const auto slash = text.find('/');
        const auto base = IpAddress::parse(text.substr(0, slash));
        const auto length =
            slash == std::string::npos ? std::nullopt : decimal(text.substr(slash + 1));
        if (base && length && *length <= static_cast<std::uint64_t>(base->bit_length()))
            return fault(text + " has bits set after its prefix",
                         IpPrefix(*base, static_cast<int>(*length)).to_string());
        return fault(text + " is not a prefix such as 10.0.0.0/24");
    };
    return scalar<IpPrefix>("prefix", text_schema(), parse);
}

Codec<Endpoint> endpoint() {
    const auto parse = [](const Value& value) -> Parsed<Endpoint> {
        const std::string& text = value.text;
        if (const auto parsed = Endpoint::parse(text)) return *parsed;
        if (IpAddress::parse(text)) return fault(text + " has no port; write ADDRESS:PORT");
        return fault(text + " is not ADDRESS:PORT, such as 10.0.0.53:53 or [fd00::53]:53");
    };
    return scalar<Endpoint>("address:port", text_schema("^.+:[0-9]+$"), parse);
}

Codec<Name> domain_name() {
    const auto parse = [](const Value& value) -> Parsed<Name> {
        const auto text = ascii_name(value.text);
        const auto parsed = text ? Name::parse(*text) : std::nullopt;
        if (!parsed || value.text.find('\\') != std::string::npos)
            return fault(value.text + " is not a domain name: labels of at most 63, 253 in all");
        return *parsed;
    };
    return scalar<Name>("domain name", text_schema(), parse,
                        [](const Name& name) { return name.is_root() ? "" : name.to_string(); });
}

Codec<std::string> interface_name() {
    const auto parse = [](const Value& value) -> Parsed<std::string> {
        const bool is_name =
            value.text.size() <= 15 && value.text.find_first_of("/: \t") == std::string::npos;
        if (!is_name) return fault(value.text + " is not the name of a network interface");
        return value.text;
    };
    return scalar<std::string>("interface name", text_schema("^[^/: ]{1,15}$"), parse);
}

Codec<std::string> path() {
    const auto parse = [](const Value& value, ReadContext& context) -> Parsed<std::string> {
        if (value.text.find("://") != std::string::npos)
            return fault(value.text + " is a URL; a path is expected here");
        const auto full = std::filesystem::path(context.folder) / value.text;
        return full.lexically_normal().string();
    };
    return scalar<std::string>("path", text_schema(), parse,
                               [](const std::string& value) { return value; });
}

Codec<std::string> program() {
    auto codec = path();
    codec.read = [read = codec.read](const Value& value, std::string& out, ReadContext& context) {
        if (value.kind == Kind::kScalar && value.text.find(' ') != std::string::npos) {
            context.diagnostics.error(value.span,
                                      "a script gets no arguments; write a script of "
                                      "your own with that line, and name it here");
            return false;
        }
        return read(value, out, context);
    };
    return codec;
}

std::string listed_words(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return text;
}

std::string words_schema(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "\"" : ",\"") + word + "\"";
    return R"({"enum":[)" + text + "]}";
}

Parsed<std::size_t> parse_word(const std::string& text, const std::vector<std::string>& words) {
    const auto found = std::find(words.begin(), words.end(), text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    return fault(text + " is not " + listed_words(words), closest(text, words));
}

}  // namespace hearth::config
