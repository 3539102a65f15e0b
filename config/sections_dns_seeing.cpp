#include "config/sections_dns_seeing.h"

#include <array>

#include "config/codec.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

struct PrivacyWord {
    const char* word;
    QueryPrivacy privacy;
};
constexpr std::array kPrivacy{
    PrivacyWord{"everything", QueryPrivacy::kEverything},
    PrivacyWord{"networks", QueryPrivacy::kNetworks}, PrivacyWord{"names", QueryPrivacy::kNames},
    PrivacyWord{"counts", QueryPrivacy::kCounts}, PrivacyWord{"nothing", QueryPrivacy::kNothing}};
constexpr std::string_view kPrivacyWords = "everything, networks, names, counts or nothing";

bool read_privacy(const Value& value, QueryLogSettings& settings, ReadContext& context) {
    if (!expect_scalar(value, kPrivacyWords, context)) return false;
    std::vector<std::string> words;
    for (const PrivacyWord& one : kPrivacy) {
        words.emplace_back(one.word);
        if (value.text != one.word) continue;
        settings.privacy = one.privacy;
        return true;
    }
    context.diagnostics.error(value.span, value.text + " is not " + std::string(kPrivacyWords),
                              closest(value.text, words));
    return false;
}

Field privacy_field() {
    TypeInfo type;
    type.name = kPrivacyWords;
    type.schema = R"({"enum":["everything","networks","names","counts","nothing"]})";
    return custom_field<QueryLogSettings>(
        "privacy", type, "everything", read_privacy,
        "What is kept and shown of a question: everything; clients only as their /24 or /56; names "
        "without clients; neither; or no question at all, totals only.",
        "networks");
}

}  // namespace

const Section<QueryLogSettings>& query_log_section() {
    static const Section<QueryLogSettings> table{{
        "dns.query_log",
        "The questions that were answered, as `hearth queries` and `hearth stats` show them.",
        "",
        {
            field("keep", &QueryLogSettings::keep, duration<std::chrono::seconds>(0s, 366 * 24h),
                  "How long they are kept on disk; 0s keeps them in memory only.", "7d"),
            field("max_bytes", &QueryLogSettings::max_bytes, size(1U << 20, 64ULL << 30),
                  "The database's size; the oldest questions make room.", "100MiB"),
            field("flush", &QueryLogSettings::flush, duration<std::chrono::seconds>(1s, 1h),
                  "How often they are written, all at once: what a power cut may lose.", "10m"),
            privacy_field(),
        },
        {},
    }};
    return table;
}

const Section<Dnstap>& dnstap_section() {
    static const Section<Dnstap> table{{
        "dns.dnstap",
        "A copy of each question and answer for another program (dnstap.info), whatever "
        "dns.query_log.privacy says.",
        "socket",
        {
            required("socket", &Dnstap::socket, path(),
                     "The Unix socket on which that program listens for frame streams.",
                     "/run/dnstap.sock"),
            field("identity", &Dnstap::identity, host_label(), "What this server calls itself.",
                  "pi5", Presence::kOptional, "(the node's name)"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
