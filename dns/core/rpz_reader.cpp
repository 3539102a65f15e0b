#include "dns/core/rpz_reader.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace hearth::dns {
namespace {

using Fault = ParsedRule::Fault;

constexpr std::string_view kBlank = " \t\r\f\v";
// Triggers that look at addresses and servers.
constexpr std::array<std::string_view, 4> kOtherTriggers = {".rpz-ip", ".rpz-nsip", ".rpz-nsdname",
                                                            ".rpz-client-ip"};
// What a zone needs to be one.
constexpr std::array<std::string_view, 8> kOfTheZone = {"SOA",  "NS",    "DNSKEY",     "RRSIG",
                                                        "NSEC", "NSEC3", "NSEC3PARAM", "ZONEMD"};
constexpr std::array<std::string_view, 6> kData = {"A", "AAAA", "TXT", "MX", "SRV", "PTR"};

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Cuts the first word off.
std::string_view take_word(std::string_view& text) noexcept {
    text = trim(text);
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    const std::string_view word = text.substr(0, end);
    text = trim(text.substr(end));
    return word;
}

// "60", "1h30m"
bool is_ttl(std::string_view word) noexcept {
    return !word.empty() && word[0] >= '0' && word[0] <= '9' &&
           word.find_first_not_of("0123456789smhdwSMHDW") == word.npos;
}

std::string_view without_comment(std::string_view line) noexcept {
    bool is_quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') is_quoted = !is_quoted;
        if (line[i] == ';' && !is_quoted) return line.substr(0, i);
    }
    return line;
}

ParsedRule fault(Fault kind, std::string reason) { return {kind, std::move(reason), {}}; }

}  // namespace

bool RpzReader::is_head(std::string_view line) noexcept {
    line = without_comment(line);
    if (line.starts_with("$TTL") || line.starts_with("$ORIGIN")) return true;
    (void)take_word(line);
    for (int i = 0; i < 3; ++i)
        if (upper_case(take_word(line)) == "SOA") return true;
    return false;
}

std::optional<ParsedRule> RpzReader::read(std::string_view line) {
    line = without_comment(line);
    if (is_open_) {
        is_open_ = line.find(')') == line.npos;
        return std::nullopt;
    }
    const bool has_owner = !line.empty() && kBlank.find(line[0]) == kBlank.npos;
    std::string_view rest = trim(line);
    if (rest.empty()) return std::nullopt;
    if (has_owner) {
        const std::string_view word = take_word(rest);
        if (word[0] == '$') {
            if (upper_case(word) == "$ORIGIN") origin_ = lower_case(take_word(rest));
            return std::nullopt;
        }
        owner_ = lower_case(word);
    }
    std::string type = upper_case(take_word(rest));
    while (is_ttl(type) || type == "IN") type = upper_case(take_word(rest));
    if (type == "SOA" && origin_.empty() && owner_.ends_with('.')) origin_ = owner_;
    if (std::find(kOfTheZone.begin(), kOfTheZone.end(), type) != kOfTheZone.end()) {
        is_open_ = rest.find('(') != rest.npos && rest.find(')') == rest.npos;
        return std::nullopt;
    }
    return rule_of(type, rest);
}

// "ads.example" of "ads.example.rpz.local." in the zone rpz.local.
std::optional<std::string> RpzReader::relative(std::string_view owner) const {
    if (!owner.ends_with('.')) return std::string(owner);
    const std::string below = "." + origin_;
    if (origin_.empty() || !owner.ends_with(below)) return std::nullopt;
    return std::string(owner.substr(0, owner.size() - below.size()));
}

ParsedRule RpzReader::rule_of(std::string_view type, std::string_view data) const {
    auto name = relative(owner_);
    if (!name || name->empty() || *name == "@")
        return fault(Fault::kInvalid, "not a name of this zone");
    const std::string whole = *name;
    for (const std::string_view trigger : kOtherTriggers)
        if (name->ends_with(trigger)) return fault(Fault::kSkipped, "a trigger that is no name");
    const bool is_below = name->starts_with("*.");
    if (is_below) name->erase(0, 2);
    std::string text = (is_below ? "||*." : "|") + *name + "^";

    if (type == "CNAME") {
        std::string target = lower_case(take_word(data));
        if (target == "." || target == "*." || target == "rpz-drop.")
            return parse_filter_rule(text);
        if (target == "rpz-passthru." || target == whole || target == whole + ".")
            return parse_filter_rule("@@" + text);
        if (target == "rpz-tcp-only." || target.starts_with("*."))
            return fault(Fault::kSkipped, "an action that is not taken");
        if (!target.ends_with('.') && !origin_.empty()) target += "." + origin_;
        return parse_filter_rule(text + "$dnsrewrite=NOERROR;CNAME;" + target);
    }
    if (std::find(kData.begin(), kData.end(), type) == kData.end())
        return fault(Fault::kSkipped, "a record that is not taken");
    std::string value(trim(data));
    if (type == "TXT") {
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (value.find('"') != value.npos)
            return fault(Fault::kSkipped, "a record that is not taken");
    }
    std::string escaped;
    for (const char c : value) {
        if (c == ',' || c == '|' || c == '\\' || c == '$') escaped += '\\';
        escaped += c;
    }
    return parse_filter_rule(text + "$dnsrewrite=NOERROR;" + std::string(type) + ";" + escaped);
}

}  // namespace hearth::dns
