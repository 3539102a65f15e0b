#include <array>

#include "config/codec.h"
#include "config/sections.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

const Section<ForwardZone>& forward_section() {
    static const Section<ForwardZone> table{{
        "dns.forward[]",
        "Zones that another server in the home knows: questions for them go there.",
        "",
        {
            required("zones", &ForwardZone::zones, list_of(domain_name(), kNotEmpty),
                     "Names at or under these. The document's own domain may be one of them: what "
                     "the document does not know is then asked for there.",
                     "[lan, 0.0.10.in-addr.arpa]"),
            required("to", &ForwardZone::to, list_of(upstream(), kNotEmpty),
                     "The servers, tried in order.", "[10.0.0.1]"),
        },
        {},
    }};
    return table;
}

const Section<BlockList>& list_section() {
    static const Section<BlockList> table{{
        "blocking.lists.NAME",
        "A list of names to block: hosts file, plain names, wildcards or AdBlock form. A URL alone "
        "is enough.",
        "url",
        {
            field("url", &BlockList::url, http_url(), "Where to fetch it.",
                  "\"https://lists.example/hosts\""),
            field("file", &BlockList::file, path(),
                  "A file on this machine; relative to the folder of hearth.yaml.",
                  "lists/ours.txt"),
        },
        [](const Value& value, Span key_span, void* target, ReadContext& context) {
            const auto& list = *static_cast<const BlockList*>(target);
            if (list.url.empty() != list.file.empty()) return true;
            const Entry* file = value.find("file");
            if (file != nullptr && !list.url.empty())
                context.diagnostics.error(file->key_span, "write url or file, not both");
            else
                context.diagnostics.error(key_span, "a list needs a url or a file");
            return false;
        },
    }};
    return table;
}

// The record's full name. One label is relative to the domain, also behind "*."; longer names say
// the domain, so that one outside it is noticed.
Parsed<Name> record_name(const std::string& text, const Name& domain) {
    auto name = Name::parse(text);
    if (!name || text.find('\\') != std::string::npos) return fault(text + " is not a name");
    const int own_labels = name->label_count() - (name->first_label() == "*" ? 1 : 0);
    const bool is_relative =
        own_labels <= 1 && !text.ends_with('.') && !name->is_at_or_under(domain);
    if (is_relative) name = name->append(domain);
    if (!name) return fault(text + " is too long under " + domain.to_string());
    const std::string full = domain.to_string();
    if (!name->is_at_or_under(domain))
        return fault("record " + text + " is outside the domain " + full, text + "." + full);
    const auto star = name->to_string().find('*', 1);
    const bool is_wildcard = name->first_label() == "*";
    if (star != std::string::npos ||
        (!is_wildcard && name->first_label().find('*') != std::string_view::npos))
        return fault("* stands for whole labels and only at the front: *." + full);
    return *name;
}

Parsed<Name> cname_target(const std::string& text, const Name& domain) {
    const auto name = Name::parse(text);
    if (!name || name->is_root() || text.find_first_of("*\\ ") != std::string::npos)
        return fault(text + " is not a name");
    if (name->label_count() > 1 || text.ends_with('.') || *name == domain) return *name;
    const auto full = name->append(domain);
    if (!full) return fault(text + " is too long under " + domain.to_string());
    return *full;
}

bool report(const Fault& fault, Span span, ReadContext& context) {
    context.diagnostics.error(span, fault.message, fault.suggestion);
    return false;
}

bool read_cname(const Value& value, LocalRecord& record, ReadContext& context) {
    const Entry* cname = value.find("cname");
    for (const Entry& entry : value.entries) {
        if (&entry == cname) continue;
        return report(
            {"unknown key " + entry.key + " in dns.records.NAME", closest(entry.key, {"cname"})},
            entry.key_span, context);
    }
    if (cname == nullptr)
        return report({"a record is an address, a list of addresses, or {cname: NAME}", ""},
                      value.span, context);
    if (!expect_scalar(cname->value, "a name", context)) return false;
    const auto target = cname_target(cname->value.text, context.document.domain);
    if (!target) return report(target.error(), cname->value.span, context);
    record.value = CnameTarget{*target};
    return true;
}

bool read_record(const Entry& entry, LocalRecord& record, ReadContext& context) {
    bool is_good = true;
    if (!context.broken.contains("domain")) {
        const auto name = record_name(entry.key, context.document.domain);
        if (name) record.name = *name;
        if (!name) is_good = report(name.error(), entry.key_span, context);
    }
    if (entry.value.kind == Kind::kMapping)
        return read_cname(entry.value, record, context) && is_good;
    std::vector<IpAddress> addresses;
    is_good = list_of(address(), kNotEmpty).read(entry.value, addresses, context) && is_good;
    record.value = std::move(addresses);
    return is_good;
}

constexpr Limits kRecordLimits{0, 10'000};

Codec<std::vector<LocalRecord>> records() {
    Codec<std::vector<LocalRecord>> codec;
    codec.type.name = "address, list of addresses, or {cname: NAME}";
    codec.type.shape = Shape::kMap;
    codec.type.limits = kRecordLimits;
    codec.type.schema =
        R"({"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1},)"
        R"({"type":"object","properties":{"cname":{"type":"string"}},"required":["cname"],)"
        R"("additionalProperties":false}]})";
    codec.type.key_schema = R"({"type":"string"})";
    codec.read = [](const Value& value, std::vector<LocalRecord>& out, ReadContext& context) {
        if (value.kind == Kind::kNull) return true;
        if (value.kind != Kind::kMapping)
            return report(
                {"expected a map of names here, found " + std::string(kind_name(value)), ""},
                value.span, context);
        if (!expect_count(value.entries.size(), kRecordLimits, value, context)) return false;
        bool is_good = true;
        for (const Entry& entry : value.entries)
            is_good = read_record(entry, out.emplace_back(), context) && is_good;
        return is_good;
    };
    return codec;
}

struct AnswerWord {
    const char* word;
    BlockAnswer answer;
};
constexpr std::array kAnswers{
    AnswerWord{"zero", BlockAnswer::kZero}, AnswerWord{"nxdomain", BlockAnswer::kNxdomain},
    AnswerWord{"nodata", BlockAnswer::kNodata}, AnswerWord{"refused", BlockAnswer::kRefused}};

bool read_answer(const Value& value, Blocking& blocking, ReadContext& context) {
    if (!expect_scalar(value, "zero, nxdomain, nodata, refused or an address", context))
        return false;
    std::vector<std::string> words;
    for (const AnswerWord& one : kAnswers) {
        words.emplace_back(one.word);
        if (value.text != one.word) continue;
        blocking.answer = one.answer;
        return true;
    }
    if (const auto address = IpAddress::parse(value.text)) {
        blocking.answer = BlockAnswer::kAddress;
        blocking.answer_address = *address;
        return true;
    }
    return report({value.text + " is not zero, nxdomain, nodata, refused or an address",
                   closest(value.text, words)},
                  value.span, context);
}

Field answer_field() {
    TypeInfo type;
    type.name = "zero, nxdomain, nodata, refused or an address";
    type.schema = R"({"type":"string"})";
    return custom_field<Blocking>(
        "answer", type, "zero", read_answer,
        "What a blocked name is answered with; zero means 0.0.0.0 and ::.", "nxdomain");
}

}  // namespace

const Section<Dns>& dns_section() {
    static const Section<Dns> table{{
        "dns",
        "The name server of the home.",
        "",
        {
            field("vip", &Dns::vip, vip_name(), "The VIP that clients are told to ask.", "dns",
                  Presence::kOptional, "(none: the nodes' own addresses)"),
            field("listen", &Dns::listen, list_of(endpoint()),
                  "Listen here and nowhere else, instead of on port 53 of the VIP and the node's "
                  "address.",
                  "[\"127.0.0.1:5300\"]"),
            field("upstreams", &Dns::upstreams, list_of(upstream()),
                  "Servers to ask for everything that is not local.",
                  "[9.9.9.9, \"udp://1.1.1.1:53\"]"),
            field("forward", &Dns::forward, list_of(section(forward_section())),
                  "Zones that other servers in the home know.", "[{zones: [lan], to: [10.0.0.1]}]"),
            field("records", &Dns::records, records(),
                  "Further names under the domain; *.NAME stands for all that is not named "
                  "otherwise.",
                  "{router: 10.0.0.1, nas: {cname: pi5}}"),
            field("clients", &Dns::clients, list_of(prefix()),
                  "Served besides loopback, `lan` and the networks the node is connected to.",
                  "[100.64.0.0/10]"),
            field("local_ttl", &Dns::local_ttl, duration<std::chrono::seconds>(0s, 24h),
                  "Lifetime of local answers.", "60s"),
            field("cache_size", &Dns::cache_bytes, size(64U << 10, 1U << 30),
                  "Memory for the cache.", "16MiB"),
            field("query_log_entries", &Dns::query_log_entries, integer<std::size_t>(0, 1'000'000),
                  "Questions remembered in memory for `hearth tail dns`.", "10000"),
            field("workers", &Dns::workers, integer<unsigned>(1, 64), "Threads that serve.", "2",
                  Presence::kOptional, "(one per core, at most 4)"),
        },
        {},
    }};
    return table;
}

const Section<Blocking>& blocking_section() {
    static const Section<Blocking> table{{
        "blocking",
        "Names that are not resolved for anyone: advertising, tracking, malware.",
        "",
        {
            field("enabled", &Blocking::enabled, boolean(),
                  "Off keeps the lists but blocks nothing.", "true"),
            answer_field(),
            field("ttl", &Blocking::ttl, duration<std::chrono::seconds>(0s, 24h),
                  "Lifetime of a blocking answer.", "10s"),
            field("lists", &Blocking::lists, named(list_section(), {0, 64}),
                  "Lists of names, by a name of your choice.", "{ours: {file: lists/ours.txt}}"),
            field("allow", &Blocking::allow, list_of(name_rule(), {0, 10'000}),
                  "Never blocked; goes before everything else.", "[s.youtube.com]"),
            field("deny", &Blocking::deny, list_of(name_rule(), {0, 10'000}),
                  "Blocked besides the lists.", "[ads.example, \"*.tracker.example\"]"),
            field("refresh", &Blocking::refresh, duration<std::chrono::seconds>(10min, 30 * 24h),
                  "How often lists are fetched again.", "24h"),
            field("max_list_size", &Blocking::max_list_bytes, size(1U << 20, 1U << 30),
                  "A list larger than this is refused.", "128MiB"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
