#include "dns/core/doh_request.h"

#include <algorithm>

#include "base/ascii.h"
#include "dns/core/wire_view.h"
#include "dns/model/protocol.h"

namespace hearth::dns {
namespace {

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr int kContentTooLarge = 413;
constexpr int kUnsupportedType = 415;

// -1: not of the alphabet.
int sextet(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

// The value of `dns` in "a=b&dns=…"; empty when it is not there.
std::string_view dns_parameter(std::string_view query) noexcept {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        if (pair.starts_with("dns=")) return pair.substr(4);
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return {};
}

bool is_dns_message(std::string_view type) noexcept {
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return equals_ignoring_case(type, kDohType);
}

int read_get(std::string_view query, std::vector<std::uint8_t>& question) {
    const std::string_view text = dns_parameter(query);
    if (text.size() > kMaxMessage * 4 / 3 + 4) return kContentTooLarge;
    if (!decode_base64url(text, question) || question.size() < kHeaderSize) return kBadRequest;
    return question.size() > kMaxMessage ? kContentTooLarge : kOk;
}

int read_post(const DohRequest& request, std::vector<std::uint8_t>& question) {
    if (!is_dns_message(request.content_type)) return kUnsupportedType;
    if (request.body.size() > kMaxMessage) return kContentTooLarge;
    if (request.body.size() < kHeaderSize) return kBadRequest;
    question.assign(request.body.begin(), request.body.end());
    return kOk;
}

// The TTL that counts for caches of one record of a section; nullopt: it does not count.
std::optional<std::uint32_t> ttl_of(ByteView answer, const RecordView& record,
                                    bool in_answer) noexcept {
    if (in_answer) return record.ttl;
    if (record.type != RrType::kSoa || record.rdata_size < 4) return std::nullopt;
    const std::size_t minimum_at = record.rdata_at + record.rdata_size - 4U;
    return std::min(record.ttl, load_be32(answer.data() + minimum_at));
}

}  // namespace

bool decode_base64url(std::string_view text, std::vector<std::uint8_t>& out) {
    out.clear();
    if (text.size() % 4 == 1) return false;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = sextet(c);
        if (value < 0) return false;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out.push_back(static_cast<std::uint8_t>(bits >> held));
    }
    return (bits & ((1U << held) - 1)) == 0;
}

int read_doh_request(const DohRequest& request, std::vector<std::uint8_t>& question) {
    const auto mark = request.path.find('?');
    if (request.path.substr(0, mark) != kDohPath) return kNotFound;
    if (request.method == "POST") return read_post(request, question);
    if (request.method != "GET") return kMethodNotAllowed;
    if (mark == std::string_view::npos) return kBadRequest;
    return read_get(request.path.substr(mark + 1), question);
}

std::uint32_t answer_freshness(ByteView answer) noexcept {
    if (answer.size() < kHeaderSize) return 0;
    const unsigned answers = load_be16(answer.data() + 6);
    const unsigned records = answers == 0 ? load_be16(answer.data() + 8) : answers;
    std::size_t at = kHeaderSize;
    if (load_be16(answer.data() + 4) == 1) {
        if (!skip_name(answer, at)) return 0;
        at += 4;
    }
    std::optional<std::uint32_t> least;
    for (unsigned i = 0; i < records; ++i) {
        const auto record = read_record(answer, at);
        if (!record) return 0;
        const auto ttl = ttl_of(answer, *record, answers > 0);
        if (ttl) least = std::min(least.value_or(*ttl), *ttl);
    }
    return least.value_or(0);
}

}  // namespace hearth::dns
