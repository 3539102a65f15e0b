#include "config/record_data.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>

#include "base/ascii.h"
#include "base/bytes.h"

namespace hearth::config {
namespace {

constexpr std::size_t kMaxText = 16U << 10;
constexpr std::size_t kMaxPiece = 255;
// What ldns puts behind a name without a final dot, so that it can be told from one with it.
constexpr const char* kRelative = "relative.hearth.invalid.";

struct FreeRecord {
    void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
struct FreeField {
    void operator()(ldns_rdf* field) const { ldns_rdf_deep_free(field); }
};

// The name that was meant; nullopt when it is too long.
std::optional<Name> meant_name(ByteView wire, const Name& domain) {
    static const Name relative = *Name::parse(kRelative);
    const auto name = Name::from_wire(wire);
    if (!name || !name->is_at_or_under(relative)) return name;
    std::vector<std::uint8_t> own(wire.begin(),
                                  wire.end() - static_cast<std::ptrdiff_t>(relative.wire().size()));
    own.push_back(0);
    const auto front = Name::from_wire(own);
    Name host = *front;  // behind "_sip._udp."
    while (host.first_label().starts_with('_')) host = host.parent();
    return host.label_count() > 1 ? front : front->append(domain);
}

bool is_integer(const ldns_rdf* field) {
    const ldns_rdf_type type = ldns_rdf_get_type(field);
    return type == LDNS_RDF_TYPE_INT8 || type == LDNS_RDF_TYPE_INT16 || type == LDNS_RDF_TYPE_INT32;
}

std::uint64_t integer_in(const ldns_rdf* field) {
    std::uint64_t value = 0;
    for (const std::uint8_t octet : ByteView(ldns_rdf_data(field), ldns_rdf_size(field)))
        value = value << 8 | octet;
    return value;
}

// ldns takes 99999 for 34463 where 16 bits are meant: the numbers that most data begins with must
// be the ones that were written.
bool numbers_fit(const ldns_rr* record, const std::string& text) {
    std::istringstream words(text);
    for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
        const ldns_rdf* field = ldns_rr_rdf(record, i);
        std::uint64_t written = 0;
        if (!is_integer(field)) return true;
        if (!(words >> written) || written != integer_in(field)) return false;
    }
    return true;
}

}  // namespace

Parsed<std::vector<std::uint8_t>> record_data(const std::string& type, const std::string& text,
                                              const Name& domain) {
    const bool has_control =
        std::ranges::any_of(text, [](char c) { return is_control(c) && c != '\t'; });
    if (text.empty() || has_control || text.size() > kMaxText)
        return fault("the data of a " + type + " record is one line of text");
    const bool has_letters = std::ranges::any_of(text, is_beyond_ascii);
    if (has_letters && type != "TXT")
        return fault("names in record data are written as they are asked for (xn--…)");
    const std::unique_ptr<ldns_rdf, FreeField> origin(ldns_dname_new_frm_str(kRelative));
    ldns_rr* made = nullptr;
    const ldns_status status = ldns_rr_new_frm_str(&made, ("x. 0 IN " + type + " " + text).c_str(),
                                                   0, origin.get(), nullptr);
    const std::unique_ptr<ldns_rr, FreeRecord> record(made);
    if (status != LDNS_STATUS_OK)
        return fault("this is no data of a " + type +
                     " record: " + ldns_get_errorstr_by_id(status));
    if (!numbers_fit(record.get(), text)) return fault("a number in it is too large");
    std::vector<std::uint8_t> data;
    for (std::size_t i = 0; i < ldns_rr_rd_count(record.get()); ++i) {
        const ldns_rdf* field = ldns_rr_rdf(record.get(), i);
        ByteView bytes(ldns_rdf_data(field), ldns_rdf_size(field));
        std::optional<Name> name;
        if (ldns_rdf_get_type(field) == LDNS_RDF_TYPE_DNAME) {
            name = meant_name(bytes, domain);
            if (!name) return fault("a name in it is too long under " + domain.to_string());
            bytes = name->wire();
        }
        data.insert(data.end(), bytes.begin(), bytes.end());
    }
    if (data.size() > UINT16_MAX) return fault("the data is longer than 65,535 octets");
    return data;
}

std::vector<std::uint8_t> text_data(std::string_view text) {
    std::vector<std::uint8_t> data;
    do {
        const auto piece = text.substr(0, kMaxPiece);
        data.push_back(static_cast<std::uint8_t>(piece.size()));
        data.insert(data.end(), piece.begin(), piece.end());
        text.remove_prefix(piece.size());
    } while (!text.empty());
    return data;
}

}  // namespace hearth::config
