#include "tests/dns/packets.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace hearth::dns::test {
namespace {

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
using LdnsPacket = std::unique_ptr<ldns_pkt, FreePacket>;

Packet to_wire(const ldns_pkt* packet) {
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&bytes, packet, &size) != LDNS_STATUS_OK)
        throw std::runtime_error("ldns cannot write the packet");
    Packet wire(bytes, bytes + size);
    std::free(bytes);
    return wire;
}

LdnsPacket from_wire(ByteView bytes) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, bytes.data(), bytes.size()) != LDNS_STATUS_OK) return nullptr;
    return LdnsPacket(packet);
}

ldns_rr* record(const std::string& text) {
    ldns_rr* rr = nullptr;
    if (ldns_rr_new_frm_str(&rr, text.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK)
        throw std::runtime_error("ldns does not understand " + text);
    return rr;
}

std::string text_of(char* text) {
    std::string result = text;
    std::free(text);
    while (!result.empty() && (result.back() == '\n' || result.back() == '\t')) result.pop_back();
    std::replace(result.begin(), result.end(), '\t', ' ');
    return result;
}

std::vector<std::string> records(const ldns_rr_list* list) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i)
        texts.push_back(text_of(ldns_rr2str(ldns_rr_list_rr(list, i))));
    return texts;
}

void see_options(const ldns_pkt* packet, Seen& seen) {
    const ldns_rdf* data = ldns_pkt_edns_data(packet);
    if (data == nullptr) return;
    seen.options.assign(ldns_rdf_data(data), ldns_rdf_data(data) + ldns_rdf_size(data));
    ByteReader reader(seen.options);
    while (reader.remaining() > 0 && !reader.failed()) {
        const auto code = reader.u16();
        const auto bytes = reader.bytes(reader.u16());
        if (code != static_cast<unsigned>(EdnsOption::kEde) || bytes.size() < 2) continue;
        seen.ede = load_be16(bytes.data());
        seen.ede_text = as_text(bytes.subspan(2));
    }
}

}  // namespace

RecordText record_of(const std::string& text) {
    ldns_rr* rr = record(text);
    RecordText result{static_cast<RrType>(ldns_rr_get_type(rr)), {}};
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
        const ldns_rdf* field = ldns_rr_rdf(rr, i);
        result.rdata.insert(result.rdata.end(), ldns_rdf_data(field),
                            ldns_rdf_data(field) + ldns_rdf_size(field));
    }
    ldns_rr_free(rr);
    return result;
}

Packet ask(const Ask& question) {
    ldns_rdf* name = ldns_dname_new_frm_str(question.name.c_str());
    // ldns_dname_new_frm_str keeps the case; the packet takes the name over.
    std::uint16_t flags = question.recursion ? LDNS_RD : 0;
    if (question.checking_disabled) flags |= LDNS_CD;
    const LdnsPacket packet(ldns_pkt_query_new(name, static_cast<ldns_rr_type>(question.type),
                                               LDNS_RR_CLASS_IN, flags));
    ldns_pkt_set_id(packet.get(), question.id);
    if (question.edns) {
        ldns_pkt_set_edns_udp_size(packet.get(), question.udp_size);
        ldns_pkt_set_edns_do(packet.get(), question.dnssec_ok);
        if (!question.options.empty())
            ldns_pkt_set_edns_data(
                packet.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN, question.options.size(),
                                                    question.options.data()));
    }
    return to_wire(packet.get());
}

Packet say(ByteView question, const Say& answer) {
    const LdnsPacket packet = from_wire(question);
    ldns_pkt_set_qr(packet.get(), true);
    ldns_pkt_set_ra(packet.get(), true);
    ldns_pkt_set_tc(packet.get(), answer.truncated);
    ldns_lookup_table* code = ldns_lookup_by_name(ldns_rcodes, answer.rcode.c_str());
    ldns_pkt_set_rcode(packet.get(), static_cast<std::uint8_t>(code->id));
    for (const auto& text : answer.answers)
        ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ANSWER, record(text));
    for (const auto& text : answer.authority)
        ldns_pkt_push_rr(packet.get(), LDNS_SECTION_AUTHORITY, record(text));
    for (const auto& text : answer.additional)
        ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ADDITIONAL, record(text));
    ldns_rdf_deep_free(ldns_pkt_edns_data(packet.get()));  // the packet forgets it without freeing
    ldns_pkt_set_edns_data(packet.get(), nullptr);
    if (!answer.edns) {
        ldns_pkt_set_edns_udp_size(packet.get(), 0);
        ldns_pkt_set_edns_do(packet.get(), false);
        packet->_edns_present = false;
    }
    return to_wire(packet.get());
}

Seen see(ByteView bytes) {
    Seen seen;
    const LdnsPacket packet = from_wire(bytes);
    if (!packet) return seen;
    seen.valid = true;
    seen.id = ldns_pkt_id(packet.get());
    seen.rcode = text_of(ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet.get())));
    seen.qr = ldns_pkt_qr(packet.get());
    seen.aa = ldns_pkt_aa(packet.get());
    seen.tc = ldns_pkt_tc(packet.get());
    seen.rd = ldns_pkt_rd(packet.get());
    seen.ra = ldns_pkt_ra(packet.get());
    seen.ad = ldns_pkt_ad(packet.get());
    seen.cd = ldns_pkt_cd(packet.get());
    const ldns_rr_list* questions = ldns_pkt_question(packet.get());
    if (ldns_rr_list_rr_count(questions) == 1) {
        const ldns_rr* question = ldns_rr_list_rr(questions, 0);
        seen.question = text_of(ldns_rdf2str(ldns_rr_owner(question))) + " " +
                        text_of(ldns_rr_type2str(ldns_rr_get_type(question)));
    }
    seen.answers = records(ldns_pkt_answer(packet.get()));
    seen.authority = records(ldns_pkt_authority(packet.get()));
    seen.additional = records(ldns_pkt_additional(packet.get()));
    seen.edns = ldns_pkt_edns(packet.get());
    seen.dnssec_ok = ldns_pkt_edns_do(packet.get());
    seen.udp_size = ldns_pkt_edns_udp_size(packet.get());
    seen.extended_rcode = ldns_pkt_edns_extended_rcode(packet.get());
    see_options(packet.get(), seen);
    return seen;
}

}  // namespace hearth::dns::test
