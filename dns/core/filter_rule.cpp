#include "dns/core/filter_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/idna.h"
#include "dns/core/name_patterns.h"

namespace hearth::dns {
namespace {

using Fault = ParsedRule::Fault;

constexpr std::size_t kMostValues = 64;  // of one modifier
constexpr std::string_view kNamePunctuation = "-_.";

// Types that rules name besides those the resolver itself knows.
constexpr std::array<std::pair<std::string_view, std::uint16_t>, 8> kMoreTypes = {{
    {"HINFO", 13},
    {"NAPTR", 35},
    {"CERT", 37},
    {"SSHFP", 44},
    {"NSEC3", 50},
    {"TLSA", 52},
    {"SPF", 99},
    {"CAA", 257},
}};
constexpr std::array kTypes = {
    RrType::kA,    RrType::kNs,     RrType::kCname, RrType::kSoa,   RrType::kPtr, RrType::kMx,
    RrType::kTxt,  RrType::kAaaa,   RrType::kSrv,   RrType::kDname, RrType::kDs,  RrType::kRrsig,
    RrType::kNsec, RrType::kDnskey, RrType::kSvcb,  RrType::kHttps, RrType::kAny};

template <class T>
bool read_number(std::string_view text, T& out) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::optional<RrType> type_of(std::string_view text) {
    const std::string name = upper_case(text);
    for (const RrType type : kTypes)
        if (to_string(type) == name) return type;
    for (const auto& [known, number] : kMoreTypes)
        if (known == name) return static_cast<RrType>(number);
    std::uint16_t number = 0;
    if (name.starts_with("TYPE") && read_number(std::string_view(name).substr(4), number))
        return static_cast<RrType>(number);
    return std::nullopt;
}

bool is_name_octet(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kNamePunctuation.find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
}

// A name in letters of any script; nullopt: none, or the root.
std::optional<Name> name_of(std::string_view text) {
    if (!std::all_of(text.begin(), text.end(), is_name_octet)) return std::nullopt;
    const auto ascii = ascii_name(std::string(text));
    if (!ascii) return std::nullopt;
    const auto name = Name::parse(*ascii);
    return name && !name->is_root() ? name : std::nullopt;
}

// "a|b\|c" -> "a", "b|c". Quotes keep what they hold together.
std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && i + 1 < text.size()) {
            parts.back() += text[++i];
        } else if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                parts.back() += c;
            }
        } else if ((c == '"' || c == '\'') && (parts.back().empty() || parts.back() == "~")) {
            quote = c;
        } else if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

// --- targets ------------------------------------------------------------------------------

// Without the marks of beginning and end.
std::string_view trim_anchors(std::string_view text) noexcept {
    while (text.starts_with('|')) text.remove_prefix(1);
    while (text.ends_with('|') || text.ends_with('^')) text.remove_suffix(1);
    return text;
}

// "*" anything, "^" the end of a name (nothing in a name separates as it does in an URL), "|" the
// beginning or the end, "||" the beginning of a label.
std::string expression_of(std::string_view text) {
    std::string made;
    if (text.starts_with("||")) {
        made = "(^|\\.)";
        text.remove_prefix(2);
    } else if (text.starts_with('|')) {
        made = "^";
        text.remove_prefix(1);
    }
    bool at_end = false;
    while (text.ends_with('|') || text.ends_with('^')) {
        at_end = true;
        text.remove_suffix(1);
    }
    // A star at either end changes nothing, unless an anchor stands before or behind it.
    for (const char c : text) {
        if (c == '*') {
            made += ".*";
        } else {
            if (c == '.') made += '\\';
            made += c;
        }
    }
    if (at_end) made += '$';
    return made.find_first_not_of(".*") == std::string::npos ? "." : made;
}

class RuleReader {
public:
    explicit RuleReader(std::string_view text) : text_(text) {}

    ParsedRule read() {
        if (text_.starts_with("@@")) {
            text_.remove_prefix(2);
            rule_.rule.action = ListAction::kAllow;
        }
        const auto cut = modifiers_at();
        const std::string_view modifiers = cut ? text_.substr(*cut + 1) : std::string_view{};
        if (cut) text_ = text_.substr(0, *cut);
        if (target() && (!cut || read_modifiers(modifiers))) finish();
        return std::move(out_);
    }

private:
    bool fail(Fault fault, std::string reason) {
        out_.fault = fault;
        out_.reason = std::move(reason);
        return false;
    }
    bool skip(std::string reason) { return fail(Fault::kSkipped, std::move(reason)); }

    // The '$' before the modifiers; in an expression only behind its last slash.
    [[nodiscard]] std::optional<std::size_t> modifiers_at() const noexcept {
        std::size_t from = 0;
        if (text_.starts_with('/')) {
            std::size_t slash = text_.size();
            while ((slash = text_.rfind('/', slash - 1)) != 0) {
                if (text_[slash - 1] == '\\') continue;
                if (slash + 1 == text_.size()) return std::nullopt;
                if (text_[slash + 1] == '$') return slash + 1;
            }
            return std::nullopt;
        }
        for (; from < text_.size(); ++from)
            if (text_[from] == '$' && (from == 0 || text_[from - 1] != '\\')) return from;
        return std::nullopt;
    }

    bool target() {
        if (text_.size() > 1 && text_.starts_with('/') && text_.ends_with('/')) {
            rule_.pattern = std::string(text_.substr(1, text_.size() - 2));
            if (rule_.pattern.empty()) return fail(Fault::kInvalid, "an empty expression");
            return check_pattern();
        }
        std::string_view word = text_;
        if (word.find_first_of("/:=?&,") != std::string_view::npos) return skip("has a path");
        const Start start = take_start(word);
        const bool has_end = word.ends_with('^') || word.ends_with('|');
        while (word.ends_with('^') || word.ends_with('|')) word.remove_suffix(1);
        if (is_name(word, start, has_end)) {
            const auto name = name_of(word);
            if (!name) return fail(Fault::kInvalid, "not a domain name");
            if (IpAddress::parse(word)) return skip("an address, not a name");
            rule_.rule.name = *name;
            return true;
        }
        rule_.rule.scope = RuleScope::kName;
        for (const char c : text_)
            if (!is_name_octet(c) && c != '*' && c != '|' && c != '^')
                return fail(Fault::kInvalid, "a character that no host name has");
        if (std::any_of(text_.begin(), text_.end(), [](char c) { return c & 0x80; }))
            return skip("a pattern that is not in ASCII form (xn--...)");
        const std::string_view inner = trim_anchors(text_);
        if (inner.find_first_of("|^") != inner.npos) return skip("has a path");
        const auto letters = std::count_if(inner.begin(), inner.end(),
                                           [](char c) { return is_name_octet(c) && c != '.'; });
        if (letters == 0 && !text_.empty() && text_.find('*') == text_.npos)
            return fail(Fault::kInvalid, "not a domain name");
        if (letters < 3 && inner.find_first_not_of('*') != inner.npos)
            return skip("a pattern of less than three letters");
        rule_.pattern = expression_of(text_);
        return check_pattern();
    }

    enum class Start : std::uint8_t { kAnywhere, kName, kLabel };

    Start take_start(std::string_view& word) {
        rule_.rule.scope = RuleScope::kName;
        if (word.starts_with("||") || word.starts_with("*.")) {
            const bool is_star = word.starts_with('*');
            word.remove_prefix(2);
            rule_.rule.scope = RuleScope::kNameAndBelow;
            if (!is_star && word.starts_with("*.")) {
                word.remove_prefix(2);
                rule_.rule.scope = RuleScope::kBelow;
            }
            return Start::kLabel;
        }
        if (!word.starts_with('|')) return Start::kAnywhere;
        word.remove_prefix(1);
        return Start::kName;
    }

    // A name, and not a part of one. Without an end mark "||ads." and "||ad" are beginnings,
    // "||ads.example" is a name.
    [[nodiscard]] static bool is_name(std::string_view word, Start start, bool has_end) noexcept {
        if (word.empty() || word.find_first_of("*|^") != word.npos || word.starts_with('.') ||
            word.ends_with('.'))
            return false;
        const bool is_dotted = word.find('.') != word.npos;
        switch (start) {
            case Start::kLabel: return has_end || is_dotted;
            case Start::kName: return has_end;
            case Start::kAnywhere: break;
        }
        return !has_end && is_dotted;
    }

    bool check_pattern() {
        if (rule_.pattern == ".") return true;
        if (const auto fault = pattern_fault(rule_.pattern)) return skip(*fault);
        return true;
    }

    // --- modifiers ---

    bool read_modifiers(std::string_view text) {
        while (true) {
            std::size_t end = 0;
            while (end < text.size() && !(text[end] == ',' && (end == 0 || text[end - 1] != '\\')))
                ++end;
            if (!modifier(text.substr(0, end))) return false;
            if (end == text.size()) return true;
            text.remove_prefix(end + 1);
        }
    }

    bool modifier(std::string_view text) {
        const std::size_t equals = text.find('=');
        const std::string_view key = text.substr(0, equals);
        const bool has_value = equals != std::string_view::npos;
        const std::string_view value = has_value ? text.substr(equals + 1) : std::string_view{};
        if (key == "dnsrewrite") return rewrite(value);
        if (key == "important" && !has_value) {
            rule_.rule.weight = RuleWeight::kImportant;
            return true;
        }
        if (key == "badfilter" && !has_value) {
            rule_.rule.is_badfilter = true;
            return true;
        }
        if (has_value && !value.empty()) {
            if (key == "denyallow") return denyallow(value);
            if (key == "dnstype") return dnstype(value);
            if (key == "client") return client(value);
        }
        return skip("has the modifier " + std::string(key.substr(0, 32)));
    }

    bool denyallow(std::string_view value) {
        for (const std::string& part : split(value, '|')) {
            const auto name = name_of(part);
            if (!name || rule_.except.size() == kMostValues)
                return fail(Fault::kInvalid, "$denyallow without names");
            rule_.except.push_back(*name);
        }
        return true;
    }

    bool dnstype(std::string_view value) {
        for (std::string_view part : split(value, '|')) {
            const bool is_not = part.starts_with('~');
            if (is_not) part.remove_prefix(1);
            const auto type = type_of(part);
            if (!type || rule_.types.size() + rule_.not_types.size() >= kMostValues)
                return skip("$dnstype with a type that is not known");
            (is_not ? rule_.not_types : rule_.types).push_back(*type);
        }
        return true;
    }

    bool client(std::string_view value) {
        for (const std::string& part : split(value, '|')) {
            std::string_view text = part;
            const bool is_not = text.starts_with('~');
            if (is_not) text.remove_prefix(1);
            RuleClient client;
            client.network = IpPrefix::parse(text);
            if (!client.network) client.name = text;
            if (text.empty() || text.size() > 255 ||
                rule_.clients.size() + rule_.not_clients.size() >= kMostValues)
                return fail(Fault::kInvalid, "$client without clients");
            (is_not ? rule_.not_clients : rule_.clients).push_back(std::move(client));
        }
        return true;
    }

    // "1.2.3.4", "name", "REFUSED", "NOERROR;TYPE;data", or nothing with an exception.
    bool rewrite(std::string_view raw) {
        const std::string unescaped = split(raw, '\0').front();
        const std::string_view value = unescaped;
        RuleRewrite made;
        if (value.empty()) {
            if (rule_.rule.action != ListAction::kAllow)
                return skip("$dnsrewrite without an answer");
        } else if (value.find(';') == std::string_view::npos) {
            if (!short_rewrite(value, made)) return false;
        } else {
            const std::size_t first = value.find(';');
            const std::size_t second = value.find(';', first + 1);
            const std::string_view type =
                value.substr(first + 1, second == value.npos ? value.npos : second - first - 1);
            const std::string_view data =
                second == value.npos ? std::string_view{} : value.substr(second + 1);
            if (!rcode(value.substr(0, first), made)) return false;
            if (!type.empty() && made.rcode == Rcode::kNoError && !record(type, data, made))
                return false;
        }
        rule_.rewrite = std::move(made);
        return true;
    }

    bool short_rewrite(std::string_view value, RuleRewrite& made) {
        if (const auto address = IpAddress::parse(value)) {
            const auto bytes = address->bytes();
            made.type = address->is_v4() ? RrType::kA : RrType::kAaaa;
            made.rdata.assign(bytes.begin(), bytes.end());
            return true;
        }
        const std::string word = upper_case(value);
        if (word == value &&
            (word == "NOERROR" || word == "NXDOMAIN" || word == "REFUSED" || word == "SERVFAIL"))
            return rcode(value, made);
        return record("CNAME", value, made);
    }

    bool rcode(std::string_view text, RuleRewrite& made) {
        const std::string word = upper_case(text);
        if (word == "NOERROR") return true;
        if (word == "NXDOMAIN") made.rcode = Rcode::kNxDomain;
        if (word == "REFUSED") made.rcode = Rcode::kRefused;
        if (word == "SERVFAIL") made.rcode = Rcode::kServFail;
        return made.rcode != Rcode::kNoError || skip("$dnsrewrite with a code that is not known");
    }

    bool record(std::string_view type_text, std::string_view data, RuleRewrite& made) {
        const auto type = type_of(type_text);
        const bool understood = type && read_data(*type, data, made.rdata);
        if (!understood) return skip("$dnsrewrite with a record that is not taken");
        made.type = type;
        return true;
    }

    static bool put_number(std::string_view& text, std::vector<std::uint8_t>& out) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::uint16_t number = 0;
        if (end == text.size() || !read_number(text.substr(0, end), number)) return false;
        out.push_back(static_cast<std::uint8_t>(number >> 8));
        out.push_back(static_cast<std::uint8_t>(number));
        text.remove_prefix(end + 1);
        return true;
    }
    static bool put_name(std::string_view text, std::vector<std::uint8_t>& out) {
        const auto name = name_of(text);
        if (!name) return false;
        const auto wire = name->wire();
        out.insert(out.end(), wire.begin(), wire.end());
        return true;
    }

    static bool read_data(RrType type, std::string_view text, std::vector<std::uint8_t>& out) {
        switch (type) {
            case RrType::kA:
            case RrType::kAaaa: {
                const auto address = IpAddress::parse(text);
                if (!address || address->is_v4() != (type == RrType::kA)) return false;
                const auto bytes = address->bytes();
                out.assign(bytes.begin(), bytes.end());
                return true;
            }
            case RrType::kTxt:
                if (text.size() > 255) return false;
                out.push_back(static_cast<std::uint8_t>(text.size()));
                out.insert(out.end(), text.begin(), text.end());
                return true;
            case RrType::kCname:
            case RrType::kPtr: return put_name(text, out);
            case RrType::kMx: return put_number(text, out) && put_name(text, out);
            case RrType::kSrv:
                return put_number(text, out) && put_number(text, out) && put_number(text, out) &&
                       put_name(text, out);
            default: return false;
        }
    }

    void finish() {
        if (rule_.rewrite && rule_.rewrite->type == RrType::kCname && rule_.is_personal()) {
            skip("$dnsrewrite to a name, for some clients only");
            return;
        }
        // A rule for everything, without a condition, is a slip of the pen.
        if (rule_.pattern == "." && rule_.except.empty() && rule_.types.empty() &&
            rule_.not_types.empty() && !rule_.is_personal()) {
            skip("is about every name");
            return;
        }
        for (auto* types : {&rule_.types, &rule_.not_types})
            std::sort(types->begin(), types->end());
        std::sort(rule_.except.begin(), rule_.except.end());
        out_.rule = std::move(rule_);
    }

    std::string_view text_;
    FilterRule rule_;
    ParsedRule out_;
};

// --- text ---------------------------------------------------------------------------------

// What stands between separators.
std::string escaped(std::string_view text) {
    std::string made;
    for (const char c : text) {
        if (std::string_view(",|\\\"'$/").find(c) != std::string_view::npos) made += '\\';
        made += c;
    }
    return made;
}

// "key=a|b"
class Values {
public:
    explicit Values(std::string_view key) : text_(key) {}
    void add(std::string_view value) {
        text_ += is_first_ ? '=' : '|';
        text_ += value;
        is_first_ = false;
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
    bool is_first_ = true;
};

std::string data_text(const RuleRewrite& rewrite) {
    const ByteView data = rewrite.rdata;
    const auto name_at = [&](std::size_t at) {
        const auto name = Name::from_wire(data.subspan(at));
        return name ? name->to_string() : std::string();
    };
    const auto number_at = [&](std::size_t at) {
        return std::to_string(load_be16(data.data() + at)) + " ";
    };
    switch (*rewrite.type) {
        case RrType::kA:
        case RrType::kAaaa: return IpAddress::from_bytes(data).to_string();
        case RrType::kTxt: return escaped(as_text(data.subspan(1)));
        case RrType::kMx: return number_at(0) + name_at(2);
        case RrType::kSrv: return number_at(0) + number_at(2) + number_at(4) + name_at(6);
        default: return name_at(0);
    }
}

std::string target_text(const FilterRule& rule) {
    if (rule.pattern == ".") return "*";
    if (!rule.pattern.empty()) return "/" + rule.pattern + "/";
    switch (rule.rule.scope) {
        case RuleScope::kName: return "|" + rule.rule.name.to_string() + "^";
        case RuleScope::kBelow: return "||*." + rule.rule.name.to_string() + "^";
        case RuleScope::kNameAndBelow: break;
    }
    return "||" + rule.rule.name.to_string() + "^";
}

std::string client_text(const RuleClient& client) {
    return client.network ? client.network->to_string() : escaped(client.name);
}

}  // namespace

ParsedRule parse_filter_rule(std::string_view text) { return RuleReader(text).read(); }

std::string to_string(const FilterRule& rule) {
    std::string modifiers;
    const auto add = [&](std::string text) {
        modifiers += modifiers.empty() ? "$" : ",";
        modifiers += text;
    };
    if (rule.rule.weight == RuleWeight::kImportant) add("important");
    if (!rule.except.empty()) {
        Values values("denyallow");
        for (const Name& name : rule.except) values.add(name.to_string());
        add(values.text());
    }
    if (!rule.types.empty() || !rule.not_types.empty()) {
        Values values("dnstype");
        for (const RrType type : rule.types) values.add(to_string(type));
        for (const RrType type : rule.not_types) values.add("~" + to_string(type));
        add(values.text());
    }
    if (rule.is_personal()) {
        Values values("client");
        for (const RuleClient& client : rule.clients) values.add(client_text(client));
        for (const RuleClient& client : rule.not_clients) values.add("~" + client_text(client));
        add(values.text());
    }
    if (rule.rewrite) {
        std::string text = "dnsrewrite=" + std::string(to_string(rule.rewrite->rcode));
        if (rule.rewrite->type)
            text += ";" + to_string(*rule.rewrite->type) + ";" + data_text(*rule.rewrite);
        const bool is_exception = rule.rewrite->rcode == Rcode::kNoError && !rule.rewrite->type &&
                                  rule.rule.action == ListAction::kAllow;
        add(is_exception ? "dnsrewrite" : text);
    }
    return (rule.rule.action == ListAction::kAllow ? "@@" : "") + target_text(rule) + modifiers;
}

}  // namespace hearth::dns
