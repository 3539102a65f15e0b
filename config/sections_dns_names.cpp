#include "config/sections_dns_names.h"

#include <algorithm>
#include <array>

#include "base/idna.h"
#include "config/codec.h"
#include "config/record_data.h"
#include "config/suggest.h"

// What the document says of names.
namespace hearth::config {
namespace {

using namespace std::chrono_literals;

struct DataType {
    const char* key;   // in the document
    const char* name;  // in zone files
    std::uint16_t number;
    const char* example;
};
constexpr std::array kDataTypes{
    DataType{"mx", "MX", 15, "10 mail"},
    DataType{"txt", "TXT", 16, "v=spf1 -all"},
    DataType{"srv", "SRV", 33, "0 5 5060 sip"},
    DataType{"ptr", "PTR", 12, "printer"},
    DataType{"caa", "CAA", 257, "0 issue \"ca.example\""},
    DataType{"svcb", "SVCB", 64, "1 . alpn=dot"},
    DataType{"https", "HTTPS", 65, "1 . alpn=h2"},
    DataType{"naptr", "NAPTR", 35, "10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp"},
    DataType{"sshfp", "SSHFP", 44, "4 2 9f86d081…"},
    DataType{"tlsa", "TLSA", 52, "3 1 1 9f86d081…"},
    DataType{"uri", "URI", 256, "10 1 \"https://nas.home/\""},
};

bool report(const Fault& fault, Span span, ReadContext& context) {
    context.diagnostics.error(span, fault.message, fault.suggestion);
    return false;
}

// "_sip._tcp.", which stands in front of a name without making it longer to people.
std::size_t service_labels(std::string_view text) {
    std::size_t count = 0;
    while (text.starts_with('_')) {
        ++count;
        const auto dot = text.find('.');
        if (dot == std::string_view::npos) break;
        text.remove_prefix(dot + 1);
    }
    return count;
}

Parsed<Name> under(const Name& name, const std::string& text, const Name& domain) {
    const auto full = name.append(domain);
    if (!full) return fault(text + " is too long under " + domain.to_string());
    return *full;
}

// The record's full name. One label is relative to the domain, also behind "*." or "_sip._tcp.";
// longer names say the domain, and those outside of it end with a dot, so that none gets there by a
// slip.
Parsed<Name> record_name(const std::string& written, const Name& domain) {
    const std::string text = ascii_name(written).value_or("");
    if (text.empty()) return fault(written + " is not a name");
    const auto name = Name::parse(text);
    if (!name || name->is_root() || text.find('\\') != std::string::npos)
        return fault(text + " is not a name");
    const bool is_wildcard = name->first_label() == "*";
    if (text.find('*', is_wildcard ? 1 : 0) != std::string::npos)
        return fault("* stands for whole labels and only at the front: *." + domain.to_string());
    if (text.ends_with('.') || name->is_at_or_under(domain)) return *name;
    const auto front = (is_wildcard ? 1U : 0U) + service_labels(text);
    if (static_cast<std::size_t>(name->label_count()) <= front + 1)
        return under(*name, text, domain);
    const std::string full = domain.to_string();
    return fault("record " + text + " is outside the domain " + full +
                     "; if that is meant, end it with a dot",
                 text + "." + full);
}

Parsed<Name> cname_target(const std::string& written, const Name& domain) {
    const std::string text = ascii_name(written).value_or("");
    const auto name = Name::parse(text);
    if (!name || name->is_root() || text.find_first_of("*\\ ") != std::string::npos)
        return fault(written + " is not a name");
    if (name->label_count() > 1 || text.ends_with('.') || *name == domain) return *name;
    return under(*name, text, domain);
}

bool read_addresses(const Entry& entry, IpFamily family, LocalRecord& record,
                    ReadContext& context) {
    std::vector<IpAddress> addresses;
    if (!list_of(address(), kNotEmpty).read(entry.value, addresses, context)) return false;
    for (const IpAddress& one : addresses)
        if (one.family() != family)
            return report({one.to_string() + " is not an address of a record of type " + entry.key,
                           entry.key == "a" ? "aaaa" : "a"},
                          entry.value.span, context);
    record.addresses.insert(record.addresses.end(), addresses.begin(), addresses.end());
    return true;
}

bool read_data(const Entry& entry, const DataType& type, LocalRecord& record,
               ReadContext& context) {
    RecordSet set{type.number, {}};
    const auto read_one = [&](const Value& value) {
        if (!expect_scalar(value, std::string("the data of a ") + type.name + " record", context))
            return false;
        const bool is_plain_text = set.type == 16 && !value.text.starts_with('"');
        auto data = is_plain_text ? Parsed<std::vector<std::uint8_t>>(text_data(value.text))
                                  : record_data(type.name, value.text, context.document.domain);
        if (!data)
            return report({data.error().message + "; it looks like " + type.example, ""},
                          value.span, context);
        set.data.push_back(std::move(*data));
        return true;
    };
    bool is_good = true;
    if (entry.value.kind == Kind::kSequence) {
        if (!expect_count(entry.value.items.size(), kNotEmpty, entry.value, context)) return false;
        for (const Value& item : entry.value.items) is_good = read_one(item) && is_good;
    } else {
        is_good = read_one(entry.value);
    }
    record.others.push_back(std::move(set));
    return is_good;
}

bool read_cname(const Value& value, LocalRecord& record, ReadContext& context) {
    if (!expect_scalar(value, "a name", context)) return false;
    const auto target = cname_target(value.text, context.document.domain);
    if (!target) return report(target.error(), value.span, context);
    record.cname = *target;
    return true;
}

bool read_ttl(const Value& value, LocalRecord& record, ReadContext& context) {
    std::chrono::seconds ttl{};
    if (!duration<std::chrono::seconds>(0s, 7 * 24h).read(value, ttl, context)) return false;
    record.ttl = ttl;
    return true;
}

std::vector<std::string> record_keys() {
    std::vector<std::string> keys{"a", "aaaa", "cname", "ttl"};
    for (const DataType& type : kDataTypes) keys.emplace_back(type.key);
    return keys;
}

bool read_key(const Entry& entry, LocalRecord& record, ReadContext& context) {
    if (entry.key == "a") return read_addresses(entry, IpFamily::kV4, record, context);
    if (entry.key == "aaaa") return read_addresses(entry, IpFamily::kV6, record, context);
    if (entry.key == "cname") return read_cname(entry.value, record, context);
    if (entry.key == "ttl") return read_ttl(entry.value, record, context);
    const auto type = std::ranges::find(kDataTypes, entry.key, &DataType::key);
    if (type != kDataTypes.end()) return read_data(entry, *type, record, context);
    return report(
        {"unknown key " + entry.key + " in dns.records.NAME", closest(entry.key, record_keys())},
        entry.key_span, context);
}

bool read_types(const Value& value, LocalRecord& record, ReadContext& context) {
    bool is_good = true;
    for (const Entry& entry : value.entries) is_good = read_key(entry, record, context) && is_good;
    if (!is_good) return false;
    if (record.cname && !(record.addresses.empty() && record.others.empty()))
        return report({"a CNAME stands alone: its target has the other records", ""},
                      value.find("cname")->key_span, context);
    if (record.cname || !record.addresses.empty() || !record.others.empty()) return true;
    return report({"a record is an address, a list of addresses, or a map of types, as in "
                   "{cname: NAME} or {a: ADDRESS, txt: TEXT}",
                   ""},
                  value.span, context);
}

bool read_record(const Entry& entry, LocalRecord& record, ReadContext& context) {
    bool is_good = true;
    if (!context.broken.contains("domain")) {
        const auto name = record_name(entry.key, context.document.domain);
        if (name) record.name = *name;
        if (!name) is_good = report(name.error(), entry.key_span, context);
    }
    if (entry.value.kind == Kind::kMapping)
        return read_types(entry.value, record, context) && is_good;
    return list_of(address(), kNotEmpty).read(entry.value, record.addresses, context) && is_good;
}

constexpr Limits kRecordLimits{0, 10'000};

std::string records_schema() {
    const std::string one_or_more =
        R"({"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]})";
    std::string types = R"("a":)" + one_or_more + R"(,"aaaa":)" + one_or_more +
                        R"(,"cname":{"type":"string"},"ttl":{"type":"string"})";
    for (const DataType& type : kDataTypes)
        types += ",\"" + std::string(type.key) + "\":" + one_or_more;
    return R"({"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1},)"
           R"({"type":"object","minProperties":1,"properties":{)" +
           types + R"(},"additionalProperties":false}]})";
}

bool read_records(const Value& value, Dns& dns, ReadContext& context) {
    if (value.kind == Kind::kNull) return true;
    if (value.kind != Kind::kMapping)
        return report({"expected a map of names here, found " + std::string(kind_name(value)), ""},
                      value.span, context);
    if (!expect_count(value.entries.size(), kRecordLimits, value, context)) return false;
    bool is_good = true;
    for (const Entry& entry : value.entries)
        is_good = read_record(entry, dns.records.emplace_back(), context) && is_good;
    return is_good;
}

}  // namespace

Field local_records_field() {
    TypeInfo type;
    type.name = "address, list of addresses, or a map of record types";
    type.shape = Shape::kMap;
    type.limits = kRecordLimits;
    type.schema = records_schema();
    type.key_schema = R"({"type":"string"})";
    return custom_field<Dns>(
        "records", type, "", read_records,
        "Further names under the domain; *.NAME stands for all that is not named otherwise, and a "
        "name that ends with a dot is taken as it is. Types: a, aaaa, cname, ptr, mx, txt, srv, "
        "caa, svcb, https, naptr, sshfp, tlsa, uri; and ttl.",
        "{router: 10.0.0.1, nas: {cname: pi5}, \"mail.example.com.\": {a: 10.0.0.9, mx: \"10 "
        "nas\"}}");
}

Codec<Name> forward_zone() {
    const auto parse = [](const Value& value) -> Parsed<Name> {
        if (const auto prefix = IpPrefix::parse(value.text)) {
            const int step = prefix->address().is_v4() ? 8 : 4;
            if (prefix->length() > 0 && prefix->length() % step == 0) return reverse_zone(*prefix);
            return fault("a reverse zone ends at a whole label: a length that is a multiple of " +
                         std::to_string(step));
        }
        const auto text = ascii_name(value.text);
        const auto name = text ? Name::parse(*text) : std::nullopt;
        if (!name || value.text.find_first_of("\\/* ") != std::string::npos)
            return fault(value.text + " is not a domain name or a network such as 10.0.0.0/24");
        return *name;
    };
    return scalar<Name>("domain name or network", text_schema(), parse);
}

const Section<ZoneFile>& zone_file_section() {
    static const Section<ZoneFile> table{{
        "dns.zones[]",
        "A zone file (RFC 1035 §5) to be served; it is read again when it changes.",
        "",
        {
            required("file", &ZoneFile::file, path(),
                     "The file; relative to the folder of hearth.yaml.", "zones/example.zone"),
            required("origin", &ZoneFile::origin, domain_name(),
                     "The zone's name, which $ORIGIN begins with.", "example.home"),
        },
        {},
    }};
    return table;
}

const Section<SuffixRewrite>& suffix_rewrite_section() {
    static const Section<SuffixRewrite> table{{
        "dns.rewrite[]",
        "A suffix that stands for another one: questions go out with `to` in place of `from`, and "
        "answers come back with `from` in place of `to`.",
        "",
        {
            required("from", &SuffixRewrite::from, domain_name(), "What clients ask for.",
                     "example.com"),
            required("to", &SuffixRewrite::to, domain_name(),
                     "What is asked for instead; dns.forward says where.",
                     "default.svc.cluster.local"),
        },
        [](const Value& value, Span key_span, void* target, ReadContext& context) {
            const auto& rewrite = *static_cast<const SuffixRewrite*>(target);
            if (rewrite.from.is_root() || rewrite.to.is_root()) {
                context.diagnostics.error(key_span, "the root stands for nothing else");
                return false;
            }
            if (!rewrite.to.is_at_or_under(rewrite.from) &&
                !rewrite.from.is_at_or_under(rewrite.to))
                return true;
            context.diagnostics.error(value.find("to")->value.span,
                                      "neither suffix may lie within the other");
            return false;
        },
    }};
    return table;
}

}  // namespace hearth::config
