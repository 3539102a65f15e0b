#include "proxy/core/compression.h"

#include <algorithm>
#include <charconv>

#include "proxy/core/header_edits.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

std::string_view value_of(const HeaderTable& headers, std::string_view name) noexcept {
    for (const HeaderField& field : headers.fields()) {
        if (equals_ignoring_case(field.name, name)) return field.value;
    }
    return {};
}

bool lists(std::string_view list, std::string_view wanted) noexcept {
    for (auto item = take_element(list); !item.empty(); item = take_element(list)) {
        if (equals_ignoring_case(trimmed(item.substr(0, item.find_first_of("=;"))), wanted))
            return true;
    }
    return false;
}

// In thousandths: 1000 without a q, 0 for one that is not well-formed.
int quality_of(std::string_view item) noexcept {
    const auto semicolon = item.find(';');
    if (semicolon == std::string_view::npos) return 1000;
    const std::string_view weight = trimmed(item.substr(semicolon + 1));
    if (weight.size() < 3 || to_lower(weight[0]) != 'q' || weight[1] != '=') return 0;
    const std::string_view digits = weight.substr(2);
    if (digits[0] == '1') return 1000;
    if (digits[0] != '0' || digits.size() > 5 || (digits.size() > 1 && digits[1] != '.')) return 0;
    int thousandths = 0;
    int unit = 100;
    for (const char c : digits.substr(std::min<std::size_t>(2, digits.size()))) {
        if (c < '0' || c > '9') return 0;
        thousandths += (c - '0') * unit;
        unit /= 10;
    }
    return thousandths;
}

// How much the client likes that coding; -1 when it does not speak of it.
int liking(const HeaderTable& request, std::string_view coding) noexcept {
    int found = -1;
    for (const HeaderField& field : request.fields()) {
        if (!equals_ignoring_case(field.name, "accept-encoding")) continue;
        std::string_view list = field.value;
        for (auto item = take_element(list); !item.empty(); item = take_element(list)) {
            if (equals_ignoring_case(trimmed(item.substr(0, item.find(';'))), coding))
                found = std::max(found, quality_of(item));
        }
    }
    return found;
}

constexpr std::string_view kWeak = "W/";

// A cache that holds several asks with them all.
bool lists_tag(std::string_view list, std::string_view tag, std::string_view prefix = {}) noexcept {
    for (auto item = take_element(list); !item.empty(); item = take_element(list)) {
        const std::string_view one = trimmed(item);
        if (one.starts_with(prefix) && one.substr(prefix.size()) == tag) return true;
    }
    return false;
}

// "text/*" stands for all of text, "+json" for what ends so.
bool is_type(std::string_view type, std::string_view pattern) noexcept {
    if (pattern.starts_with('+'))
        return type.size() > pattern.size() &&
               equals_ignoring_case(type.substr(type.size() - pattern.size()), pattern);
    if (!pattern.ends_with("/*")) return equals_ignoring_case(type, pattern);
    const std::string_view family = pattern.substr(0, pattern.size() - 1);
    return type.size() > family.size() &&
           equals_ignoring_case(type.substr(0, family.size()), family);
}

// Nothing forbids it, and its type is one of those. Only a 304 may leave its type out.
bool is_kind_to_code(const ResponseHead& head, const Compression& rule) noexcept {
    if (rule.codings.empty() || has_field(head.headers, "content-encoding")) return false;
    if (lists(value_of(head.headers, "cache-control"), "no-transform")) return false;
    const HeaderField* field = head.headers.find(HeaderId::kContentType);
    if (field == nullptr) return head.status == 304;
    const std::string_view type = trimmed(field->value.substr(0, field->value.find(';')));
    return std::any_of(rule.types.begin(), rule.types.end(),
                       [type](const std::string& one) { return is_type(type, one); });
}

}  // namespace

std::string_view to_string(ContentCoding coding) noexcept {
    switch (coding) {
        case ContentCoding::kNone: return "identity";
        case ContentCoding::kGzip: return "gzip";
        case ContentCoding::kBrotli: return "br";
        case ContentCoding::kZstd: return "zstd";
    }
    return "identity";
}

ContentCoding choose_coding(const HeaderTable& request, const Compression& rule) {
    const int any = liking(request, "*");
    ContentCoding best = ContentCoding::kNone;
    int best_liking = 0;
    for (const ContentCoding coding : rule.codings) {
        int mine = liking(request, to_string(coding));
        if (mine < 0) mine = any;
        if (mine <= best_liking) continue;
        best = coding;
        best_liking = mine;
    }
    return best;
}

bool is_compressible(const ResponseHead& head, const Compression& rule) noexcept {
    if (head.body.kind == BodyKind::kNone) return false;
    if (head.status < 200 || head.status == 204 || head.status == 206 || head.status == 304)
        return false;
    if (head.body.kind == BodyKind::kLength && head.body.length < rule.minimum) return false;
    return !has_field(head.headers, "content-range") && is_kind_to_code(head, rule);
}

bool stands_for_compressible(const ResponseHead& head, Method asked,
                             const Compression& rule) noexcept {
    if (head.status == 304 || head.status == 206) return is_kind_to_code(head, rule);
    if (asked != Method::kHead || head.status < 200 || head.status == 204) return false;
    const HeaderField* field = head.headers.find(HeaderId::kContentLength);
    std::uint64_t length = rule.minimum;
    if (field != nullptr)
        std::from_chars(field->value.data(), field->value.data() + field->value.size(), length);
    return length >= rule.minimum && is_kind_to_code(head, rule);
}

std::string tags_asked_with(const HeaderTable& request) {
    std::string tags;
    for (const HeaderField& field : request.fields()) {
        if (equals_ignoring_case(field.name, "if-none-match")) tags.append(field.value).append(",");
    }
    return tags;
}

bool has_weak_tag(const ResponseHead& head, ContentCoding coding,
                  std::string_view asked_with) noexcept {
    if (head.status == 206) return false;  // parts are of what is not coded
    const std::string_view tag = value_of(head.headers, "etag");
    bool asked_weak = false;
    bool asked_strong = false;
    if (head.status == 304) {
        asked_strong = lists_tag(asked_with, tag);
        asked_weak = lists_tag(asked_with, tag, kWeak);
    }
    return asked_weak != asked_strong ? asked_weak : coding != ContentCoding::kNone;
}

void weaken_tag(ResponseHead& head, std::string& etag) {
    const std::string_view tag = value_of(head.headers, "etag");
    if (tag.empty() || tag.starts_with(kWeak)) return;
    etag = std::string(kWeak).append(tag);
    remove_field(head.headers, "etag");
    if (!head.headers.full()) head.headers.add({"ETag", etag, HeaderId::kOther});
}

void announce_coding(ResponseHead& head, ContentCoding coding, std::string& etag) {
    weaken_tag(head, etag);
    remove_field(head.headers, "content-length");
    remove_field(head.headers, "accept-ranges");
    remove_field(head.headers, "content-md5");
    head.headers.add({"Content-Encoding", to_string(coding), HeaderId::kOther});
}

void announce_choice(ResponseHead& head) {
    const bool is_said = std::any_of(
        head.headers.fields().begin(), head.headers.fields().end(), [](const HeaderField& field) {
            return equals_ignoring_case(field.name, "vary") &&
                   (lists(field.value, "accept-encoding") || lists(field.value, "*"));
        });
    if (!is_said && !head.headers.full())
        head.headers.add({"Vary", "Accept-Encoding", HeaderId::kOther});
}

}  // namespace hearth::proxy
