#include "dns/io/zone_file.h"

#include <ldns/ldns.h>

#include <cstdio>
#include <memory>
#include <optional>

namespace hearth::dns {
namespace {

constexpr std::uint32_t kDefaultTtl = 3600;  // without $TTL, as ldns has it

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
struct FreeRecord {
    void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
struct FreeField {
    void operator()(ldns_rdf* field) const { ldns_rdf_deep_free(field); }
};

std::optional<Name> name_of(const ldns_rdf* field) {
    return Name::from_wire({ldns_rdf_data(field), ldns_rdf_size(field)});
}

std::optional<ZoneRecord> record_of(const ldns_rr* rr, int line) {
    ZoneRecord record;
    const auto owner = name_of(ldns_rr_owner(rr));
    if (!owner) return std::nullopt;
    record.owner = *owner;
    record.type = static_cast<RrType>(ldns_rr_get_type(rr));
    record.ttl = ldns_rr_ttl(rr) > INT32_MAX ? 0 : ldns_rr_ttl(rr);  // RFC 2181 §8
    record.line = static_cast<std::uint32_t>(line);
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
        const ldns_rdf* field = ldns_rr_rdf(rr, i);
        const std::uint8_t* data = ldns_rdf_data(field);
        record.rdata.insert(record.rdata.end(), data, data + ldns_rdf_size(field));
    }
    return record.rdata.size() <= UINT16_MAX ? std::optional(std::move(record)) : std::nullopt;
}

// The state that ldns keeps from line to line.
class ZoneReader {
public:
    ZoneReader(std::string_view text, const Name& origin)
        // fmemopen() wants something to read, and never writes to what is opened for reading.
        : file_(::fmemopen(const_cast<char*>(text.data()), text.size(), "r")),
          origin_(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.wire().size(),
                                        origin.wire().data())),
          previous_(ldns_rdf_clone(origin_)) {}
    ~ZoneReader() {
        ldns_rdf_deep_free(origin_);
        ldns_rdf_deep_free(previous_);
    }
    ZoneReader(const ZoneReader&) = delete;
    ZoneReader& operator=(const ZoneReader&) = delete;

    [[nodiscard]] bool at_end() const { return !file_ || std::feof(file_.get()) != 0; }
    [[nodiscard]] int line() const noexcept { return line_; }

    // LDNS_STATUS_OK with a record, or what else stands on the next line.
    ldns_status next(std::unique_ptr<ldns_rr, FreeRecord>& record) {
        ldns_rr* made = nullptr;
        const ldns_status status =
            ldns_rr_new_frm_fp_l(&made, file_.get(), &ttl_, &origin_, &previous_, &line_);
        record.reset(status == LDNS_STATUS_OK ? made : nullptr);
        return status;
    }

private:
    std::unique_ptr<std::FILE, CloseFile> file_;
    std::uint32_t ttl_ = kDefaultTtl;
    ldns_rdf* origin_;
    ldns_rdf* previous_;
    int line_ = 1;
};

bool is_directive(ldns_status status) noexcept {
    return status == LDNS_STATUS_SYNTAX_TTL || status == LDNS_STATUS_SYNTAX_ORIGIN ||
           status == LDNS_STATUS_SYNTAX_EMPTY;
}

bool is_include(ldns_status status) noexcept {
    return status == LDNS_STATUS_SYNTAX_INCLUDE || status == LDNS_STATUS_SYNTAX_INCLUDE_ERR_NOTIMPL;
}

}  // namespace

Result<ZoneContents> parse_zone(std::string_view text, const std::string& file,
                                const Name& origin) {
    ZoneContents contents{origin, file, {}};
    if (text.find('\0') != std::string_view::npos)
        return fail(Errc::kInvalid, file, "a zone file is text: it holds a NUL octet");
    if (text.empty()) return contents;
    ZoneReader reader(text, origin);
    while (!reader.at_end()) {
        const int line = reader.line();
        const auto refuse = [&](std::string what) {
            return fail(Errc::kInvalid, file + ":" + std::to_string(line), std::move(what));
        };
        std::unique_ptr<ldns_rr, FreeRecord> rr;
        const ldns_status status = reader.next(rr);
        if (is_directive(status)) continue;
        if (is_include(status))
            return refuse("$INCLUDE is not followed: write the zone into one file");
        if (status != LDNS_STATUS_OK) return refuse(ldns_get_errorstr_by_id(status));
        if (ldns_rr_get_class(rr.get()) != LDNS_RR_CLASS_IN)
            return refuse("only records of class IN are served");
        auto record = record_of(rr.get(), line);
        if (!record) return refuse("the record is too long");
        if (contents.records.size() == kMostZoneRecords)
            return refuse("more than " + std::to_string(kMostZoneRecords) + " records");
        contents.records.push_back(std::move(*record));
    }
    if (const auto good = check_zone(contents); !good) return fail(good.error());
    return contents;
}

}  // namespace hearth::dns
