#include "dns/core/list_parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/idna.h"
#include "base/ip.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kExamples = 3;
constexpr std::size_t kExampleLength = 80;
constexpr std::uint64_t kHeadLines = 100;

constexpr std::string_view kBlank = " \t\f\v\r";

// Lines of hosts files that name the machine itself.
constexpr std::array<std::string_view, 11> kOwnNames = {
    "localhost",     "localhost.localdomain", "local",        "broadcasthost",
    "ip6-localhost", "ip6-loopback",          "ip6-localnet", "ip6-mcastprefix",
    "ip6-allnodes",  "ip6-allrouters",        "ip6-allhosts"};

// Marks of cosmetic rules; what is before them is the site, or nothing.
constexpr std::array<std::string_view, 6> kCosmetic = {"##", "#@#", "#?#", "#$#", "#%#", "$$"};

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool consume(std::string_view& text, std::string_view prefix) noexcept {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool consume_end(std::string_view& text, std::string_view suffix) noexcept {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

// "## Section" and "#####" are headings, "##.banner" is a cosmetic rule.
bool is_comment(std::string_view text) noexcept {
    switch (text[0]) {
        case '!':
        case ';':
        case '[': return true;
        case '/': return text.starts_with("//");
        case '#': break;
        default: return false;
    }
    if (text.size() < 3) return true;
    if (text[1] == '#') return text[2] == '#' || kBlank.find(text[2]) != std::string_view::npos;
    return !(text.starts_with("#@#") || text.starts_with("#?#") || text.starts_with("#$#"));
}

bool is_cosmetic(std::string_view text) noexcept {
    const std::string_view word = text.substr(0, text.find_first_of(kBlank));
    return word.find_first_of("#$") != word.npos &&
           std::any_of(kCosmetic.begin(), kCosmetic.end(),
                       [&](std::string_view mark) { return word.find(mark) != word.npos; });
}

// The number at the end of "! Entries: 143,876" or "# Number of unique domains: 76,036", else 0.
std::uint64_t announced_entries(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(": ");
    if (colon == std::string_view::npos) return 0;
    const std::string_view key = text.substr(0, colon);
    if (!key.ends_with("ntries") && !key.ends_with("omains")) return 0;
    std::uint64_t count = 0;
    for (const char c : text.substr(colon + 2)) {
        if (c == ',' || c == '.') continue;
        if (c < '0' || c > '9' || count > 1'000'000'000) return 0;
        count = count * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return count;
}

// An address that stands for "nowhere" in front of a hosts line.
bool is_sink_address(const IpAddress& address) noexcept {
    return address.is_unspecified() || address.is_loopback();
}

// "word" or "word."
bool has_one_label(std::string_view name) noexcept {
    const std::size_t dot = name.find('.');
    return dot == std::string_view::npos || dot + 1 == name.size();
}

enum class NameFault : std::uint8_t { kNone, kNotAscii, kBadOctet };

NameFault find_fault(std::string_view name) noexcept {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    const auto bad = std::find_if_not(name.begin(), name.end(), allowed);
    if (bad == name.end()) return NameFault::kNone;
    return static_cast<unsigned char>(*bad) >= 0x80 ? NameFault::kNotAscii : NameFault::kBadOctet;
}

LineExample example(const ListLine& line, std::string_view reason) {
    LineExample made{line.number, std::string(line.text.substr(0, kExampleLength)),
                     std::string(reason)};
    for (char& c : made.text)
        if (c < 0x20 || c > 0x7e) c = '?';
    if (line.text.size() > kExampleLength) made.text += "...";
    return made;
}

}  // namespace

void ListParser::feed(ByteView bytes) {
    std::string_view text = as_text(bytes);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view piece = text.substr(0, end);
        if (carry_.size() + piece.size() > kMaxLine) overlong_ = true;
        if (carry_.empty() && end != std::string_view::npos) {
            line(piece);
        } else {
            carry_ += piece.substr(0, kMaxLine - carry_.size());
            if (end == std::string_view::npos) return;
            line(carry_);
            carry_.clear();
        }
        text.remove_prefix(end + 1);
    }
}

void ListParser::finish() {
    if (!carry_.empty()) line(carry_);
    carry_.clear();
}

void ListParser::line(std::string_view text) {
    ++current_.number;
    if (current_.number == 1) consume(text, "\xef\xbb\xbf");
    const std::string_view whole = text;
    text = trim(text);
    current_.text = text;
    if (overlong_) {
        overlong_ = false;
        return reject("longer than 4096 bytes");
    }
    if (zone_) return zone_line(whole);
    if (text.empty()) return;
    if (counts_.taken == 0 && current_.number <= kHeadLines && RpzReader::is_head(whole)) {
        zone_.emplace();
        return zone_line(whole);
    }
    if (is_comment(text)) return comment(text);
    if (is_cosmetic(text)) return skip("a cosmetic rule");

    if (text[0] == '|' || text.starts_with("@@")) return adblock(text);
    if (text[0] == '/') return filter(parse_filter_rule(text));

    const std::size_t word_end = text.find_first_of(kBlank);
    if (word_end == std::string_view::npos) return single(text);
    const std::string_view first = text.substr(0, word_end);
    const std::string_view rest = trim(text.substr(word_end));
    if (rest[0] == '#') return single(first);
    const auto address = IpAddress::parse(first.substr(0, first.find('%')));
    if (!address) return reject("two words, and the first is not an address");
    if (!is_sink_address(*address)) return skip("gives an address to a name");
    hosts(rest);
}

void ListParser::comment(std::string_view text) {
    if (current_.number > kHeadLines || counts_.announced != 0) return;
    counts_.announced = announced_entries(text);
}

void ListParser::hosts(std::string_view names) {
    while (!names.empty() && names[0] != '#') {
        const std::size_t end = names.find_first_of(kBlank);
        const std::string_view name = names.substr(0, end);
        names = end == std::string_view::npos ? std::string_view{} : trim(names.substr(end));
        if (std::find(kOwnNames.begin(), kOwnNames.end(), name) != kOwnNames.end())
            skip("a name of the machine itself");
        else if (has_one_label(name))
            reject("a name of one label");
        else
            take(name, RuleScope::kName, ListAction::kBlock);
    }
}

void ListParser::single(std::string_view word) {
    const bool is_rule = word.find_first_of("^$|") != std::string_view::npos;
    if (!is_rule && word.find('*', 1) == word.npos && (consume(word, "*.") || consume(word, ".")))
        return take(word, RuleScope::kNameAndBelow, ListAction::kBlock);
    if (IpAddress::parse(word)) return skip("an address, not a name");
    if (word.find_first_of("^$*/|=?&~,:") != std::string_view::npos)
        return filter(parse_filter_rule(word));
    if (has_one_label(word)) return reject("a name of one label");
    take(word, RuleScope::kName, ListAction::kBlock);
}

// By far the most rules are "||name^": those need no further look.
void ListParser::adblock(std::string_view text) {
    if (const std::size_t end = text.find(" #"); end != std::string_view::npos)
        text = trim(text.substr(0, end));
    std::string_view name = text;
    const ListAction action = consume(name, "@@") ? ListAction::kAllow : ListAction::kBlock;
    if (!consume(name, "||") || !(consume_end(name, "^") || consume_end(name, "^|")))
        return filter(parse_filter_rule(text));
    const bool below = consume(name, "*.");
    if (name.find_first_of("*|^/:$") != std::string_view::npos)
        return filter(parse_filter_rule(text));
    take(name, below ? RuleScope::kBelow : RuleScope::kNameAndBelow, action);
}

void ListParser::filter(ParsedRule parsed) {
    switch (parsed.fault) {
        case ParsedRule::Fault::kNone: break;
        case ParsedRule::Fault::kSkipped: return skip(parsed.reason);
        case ParsedRule::Fault::kInvalid: return reject(parsed.reason);
    }
    FilterRule& rule = parsed.rule;
    if (!rule.rewrite) rule.rule.action = action_of(rule.rule.action);
    if (rule.is_plain()) {
        sink_.on_rule(rule.rule, current_);
    } else if (!sink_.on_filter(rule, current_)) {
        return skip("too many rules that take more than a name");
    }
    ++counts_.taken;
}

void ListParser::zone_line(std::string_view text) {
    if (auto parsed = zone_->read(text)) filter(std::move(*parsed));
}

void ListParser::take(std::string_view name, RuleScope scope, ListAction action) {
    std::string ascii;
    switch (find_fault(name)) {
        case NameFault::kNone: break;
        case NameFault::kBadOctet: return reject("a character that no host name has");
        case NameFault::kNotAscii: {
            const auto made = ascii_name(std::string(name));
            if (!made || find_fault(*made) != NameFault::kNone) return reject("not a domain name");
            ascii = *made;
            name = ascii;
        }
    }
    if (IpAddress::parse(name)) return skip("an address, not a name");
    const auto parsed = Name::parse(name);
    if (!parsed || parsed->is_root()) return reject("not a domain name");
    ++counts_.taken;
    sink_.on_rule({*parsed, scope, action_of(action)}, current_);
}

void ListParser::skip(std::string_view reason) {
    if (++counts_.skipped <= kExamples)
        counts_.skipped_examples.push_back(example(current_, reason));
}

void ListParser::reject(std::string_view reason) {
    if (++counts_.invalid <= kExamples)
        counts_.invalid_examples.push_back(example(current_, reason));
}

}  // namespace hearth::dns
