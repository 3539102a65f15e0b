#include "config/sections_dns_serving.h"

#include <array>
#include <string>
#include <vector>

#include "base/name.h"
#include "config/codec.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

struct AnswerWord {
    const char* word;
    RateLimitAnswer answer;
};
constexpr std::array kAnswers{AnswerWord{"truncate", RateLimitAnswer::kTruncate},
                              AnswerWord{"refused", RateLimitAnswer::kRefused},
                              AnswerWord{"drop", RateLimitAnswer::kDrop}};

bool read_answer(const Value& value, RateLimit& limit, ReadContext& context) {
    if (!expect_scalar(value, "truncate, refused or drop", context)) return false;
    std::vector<std::string> words;
    for (const AnswerWord& one : kAnswers) {
        words.emplace_back(one.word);
        if (value.text != one.word) continue;
        limit.answer = one.answer;
        return true;
    }
    context.diagnostics.error(value.span, value.text + " is not truncate, refused or drop",
                              closest(value.text, words));
    return false;
}

Field answer_field() {
    TypeInfo type;
    type.name = "truncate, refused or drop";
    type.schema = R"({"enum":["truncate","refused","drop"]})";
    return custom_field<RateLimit>(
        "answer", type, "truncate", read_answer,
        "What is sent beyond the limit: truncate sends UDP clients to TCP, which nobody can do "
        "under another's address.",
        "refused");
}

bool read_name(const Value& value, DnsTls& tls, ReadContext& context) {
    if (!expect_scalar(value, "a host name", context)) return false;
    const auto name = Name::parse(value.text);
    if (!name || name->is_root() || value.text.find_first_of("*\\ ") != std::string::npos) {
        context.diagnostics.error(value.span, value.text + " is not a host name");
        return false;
    }
    tls.name = name->to_string();
    return true;
}

bool finish_tls(const Value& value, Span, void* target, ReadContext& context) {
    auto& tls = *static_cast<DnsTls*>(target);
    const Entry* certificate = value.find("certificate");
    const Entry* key = value.find("key");
    tls.local_ca = certificate == nullptr && key == nullptr;
    if ((certificate == nullptr) == (key == nullptr)) return true;
    context.diagnostics.error((certificate != nullptr ? certificate : key)->key_span,
                              "certificate and key go together; without both of them the local CA "
                              "gives a certificate");
    return false;
}

Field name_field() {
    TypeInfo type;
    type.name = "host name";
    type.schema = R"({"type":"string"})";
    return custom_field<DnsTls>(
        "name", type, "the VIP's or the node's name", read_name,
        "The name in the certificate, which devices that find this server by themselves (RFC 9462) "
        "are told.",
        "dns.example.com");
}

}  // namespace

const Section<DnsTls>& dns_tls_section() {
    static const Section<DnsTls> table{{
        "dns.tls",
        "DNS over TLS and over HTTPS: with a certificate of the local CA (`tls: {}`), or with "
        "files, "
        "which are read again when they change.",
        "",
        {
            field("certificate", &DnsTls::certificate, path(),
                  "PEM file: the certificate, then its issuers; relative to the folder of "
                  "hearth.yaml.",
                  "tls/dns.pem"),
            field("key", &DnsTls::key, path(),
                  "PEM file of its private key, which hearth-dns must be able to read.",
                  "tls/dns.key"),
            name_field(),
        },
        finish_tls,
    }};
    return table;
}

const Section<RateLimit>& rate_limit_section() {
    static const Section<RateLimit> table{{
        "dns.rate_limit",
        "How much one client may ask: an IPv4 address, or an IPv6 /64. Loopback may ask any "
        "number.",
        "",
        {
            required("queries_per_second", &RateLimit::queries_per_second,
                     integer<std::uint32_t>(1, 1'000'000), "On average.", "1000"),
            field("burst", &RateLimit::burst, integer<std::uint32_t>(1, 1'000'000),
                  "At once, after a pause.", "3000", Presence::kOptional,
                  "(queries_per_second of three seconds)"),
            answer_field(),
            field("exempt", &RateLimit::exempt, list_of(prefix()),
                  "Who is never limited: other resolvers of the home, for instance.",
                  "[10.0.0.1/32]"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
