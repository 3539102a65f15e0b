#include "dns/core/local_answer.h"

#include <algorithm>
#include <optional>

#include "dns/core/filter_rules.h"
#include "dns/core/special_names.h"
#include "dns/core/suffix_rewrite.h"

namespace hearth::dns {
namespace {

using End = LocalPath::End;

// "immich" asked without the domain (a search list that a device does not apply).
Name with_domain(const Snapshot& snapshot, const Name& qname) {
    if (qname.label_count() != 1 || snapshot.zones->zone_of(qname) != nullptr) return qname;
    const auto full = qname.append(snapshot.domain);
    return full && snapshot.zones->has_records(*full) ? *full : qname;
}

bool is_address(RrType type) noexcept { return type == RrType::kA || type == RrType::kAaaa; }

End end_without_node(const Snapshot& snapshot, const LocalMatch& match, const Name& name,
                     RrType qtype) {
    const bool asks_apex = qtype == RrType::kSoa || qtype == RrType::kNs;
    if (match.zone == nullptr) {
        // Addresses of single labels are nobody's business outside (RFC 8499 "search list").
        return name.label_count() == 1 && is_address(qtype) ? End::kNxDomain : End::kNotOurs;
    }
    switch (match.zone->kind) {
        case ZoneKind::kAuthoritative:
            if (!match.at_apex) return End::kNxDomain;
            return asks_apex ? End::kApex : End::kNoData;
        case ZoneKind::kForward:
            return name == snapshot.domain && asks_apex ? End::kApex : End::kForward;
        case ZoneKind::kNxDomain: return End::kNxDomain;
        case ZoneKind::kNoData: return End::kNoData;
        case ZoneKind::kLoopback: return End::kLoopback;
        case ZoneKind::kOrdinary: return End::kNotOurs;
        case ZoneKind::kCanary: return End::kCanary;
    }
    return End::kNxDomain;
}

// A name of ours outside of any zone of ours is a zone of its own.
Soa soa_of(const Snapshot& snapshot, const LocalPath& path) {
    return {path.zone != nullptr ? path.zone->apex : path.name, snapshot.primary,
            snapshot.local_ttl};
}

// The SOA of a negative answer: the zone file's own, or one that we make.
void write_soa(ResponseWriter& out, const Snapshot& snapshot, const LocalPath& path) {
    const LocalNode* apex =
        path.zone != nullptr ? snapshot.zones->node_of(path.zone->apex) : nullptr;
    const RecordSet* own = apex != nullptr ? apex->find(RrType::kSoa) : nullptr;
    if (own == nullptr) return out.soa_authority(soa_of(snapshot, path));
    const ByteView rdata = own->front();
    const std::uint32_t minimum = load_be32(rdata.data() + rdata.size() - 4);
    out.soa_authority(path.zone->apex, std::min(own->ttl(snapshot.local_ttl), minimum), rdata);
}

// RFC 8482 §4.1: one RRset that is there.
const RecordSet* find_set(const LocalNode& node, RrType qtype) noexcept {
    if (qtype == RrType::kAny && !node.empty()) return &node.sets.front();
    return node.find(qtype);
}

void write_set(ResponseWriter& out, const Name* owner, std::uint32_t house_ttl,
               const RecordSet& set, std::uint32_t rotation) {
    const std::uint32_t ttl = set.ttl(house_ttl);
    set.each(rotation, [&](ByteView rdata) { out.record(owner, set.type(), ttl, rdata); });
}

// Where the name stands in the data of types whose answers take its addresses along
// (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1); nothing for all other types.
std::optional<std::size_t> target_offset(RrType type) noexcept {
    switch (type) {
        case RrType::kNs: return 0;
        case RrType::kMx:
        case RrType::kSvcb:
        case RrType::kHttps: return 2;
        case RrType::kSrv: return 6;
        default: return std::nullopt;
    }
}

// The addresses we have of the names that `set` leads to.
void write_additional(ResponseWriter& out, const Snapshot& snapshot, const Name& owner,
                      const RecordSet& set, std::uint32_t rotation) {
    const auto offset = target_offset(set.type());
    if (!offset) return;
    out.begin_additional();
    set.each(rotation, [&](ByteView rdata) {
        std::size_t at = *offset;
        const auto target = read_rdata_name(rdata, at);
        if (!target) return;
        const Name& host = target->is_root() ? owner : *target;  // "." in SVCB: the owner
        const LocalNode* node = snapshot.zones->find(host).node;
        if (node == nullptr) return;
        for (const RrType type : {RrType::kA, RrType::kAaaa})
            if (const RecordSet* addresses = node->find(type))
                write_set(out, &host, snapshot.local_ttl, *addresses, 0);
    });
}

bool write_loopback(ResponseWriter& out, const Name* owner, RrType qtype, std::uint32_t ttl) {
    if (qtype == RrType::kA) out.address(owner, ttl, IpAddress::v4(127, 0, 0, 1));
    if (qtype == RrType::kAaaa) {
        static constexpr std::uint8_t kV6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        out.address(owner, ttl, IpAddress::from_bytes(kV6));
    }
    return is_address(qtype);
}

// The CNAMEs of the path; the owner of what comes next.
const Name* write_chain(ResponseWriter& out, const Snapshot& snapshot, const LocalPath& path) {
    const Name* owner = nullptr;
    for (std::size_t i = 0; i < path.chain_size; ++i) {
        const LocalNode& alias = *path.chain[i];
        const std::uint32_t ttl = alias.sets.front().ttl(snapshot.local_ttl);
        out.target(owner, RrType::kCname, ttl, *alias.cname);
        owner = alias.cname.get();
    }
    return owner;
}

}  // namespace

std::optional<Name> LocalPath::sought() const noexcept {
    return is_rewritten() ? with_suffix(name, zone->apex, *zone->asked_as) : name;
}

LocalPath find_local(const Snapshot& snapshot, const Name& qname, RrType qtype) {
    LocalPath path;
    path.name = with_domain(snapshot, qname);
    if (belongs_to_the_parent(path.name, qtype)) return path;
    while (true) {
        const LocalMatch match = snapshot.zones->find(path.name);
        path.zone = match.zone;
        path.node = match.node;
        const bool asks_apex = qtype == RrType::kSoa || qtype == RrType::kNs;
        const bool is_synthesised = asks_apex && match.at_apex && match.node != nullptr &&
                                    match.node->find(qtype) == nullptr;
        if (match.node == nullptr || is_synthesised) {
            path.end = end_without_node(snapshot, match, path.name, qtype);
            return path;
        }
        const Name* cname = match.node->cname.get();
        if (cname == nullptr || qtype == RrType::kCname || qtype == RrType::kAny) {
            path.end = End::kRecords;
            return path;
        }
        if (path.chain_size == LocalPath::kMaxChain) {
            path.end = End::kChainTooLong;
            return path;
        }
        path.chain[path.chain_size++] = match.node;
        path.name = *cname;
    }
}

WrittenAnswer write_local(ByteSpan out, const AskedQuestion& asked, RrType qtype,
                          const Snapshot& snapshot, const LocalPath& path, std::uint32_t rotation) {
    Rcode rcode = Rcode::kNoError;
    if (path.end == End::kNxDomain || path.end == End::kCanary) rcode = Rcode::kNxDomain;
    if (path.end == End::kChainTooLong) rcode = Rcode::kServFail;
    ResponseWriter writer(out, asked, rcode, Authority::kAuthoritative);
    const Name* owner = write_chain(writer, snapshot, path);
    bool found = rcode == Rcode::kServFail;
    if (path.end == End::kRecords) {
        if (const RecordSet* set = find_set(*path.node, qtype)) {
            write_set(writer, owner, snapshot.local_ttl, *set, rotation);
            write_additional(writer, snapshot, path.name, *set, rotation);
            found = true;
        }
    } else if (path.end == End::kLoopback) {
        found = write_loopback(writer, owner, qtype, snapshot.local_ttl);
    } else if (path.end == End::kApex) {
        found = true;
        if (qtype == RrType::kSoa) {
            writer.soa_answer(soa_of(snapshot, path));
        } else {
            writer.target(owner, RrType::kNs, snapshot.local_ttl, snapshot.primary);
        }
    }
    if (!found) write_soa(writer, snapshot, path);
    return {writer.finish(), rcode};
}

WrittenAnswer write_chained(ByteSpan out, const AskedQuestion& asked, const Snapshot& snapshot,
                            const LocalPath& path, const AnswerImage& image, std::uint32_t age,
                            std::uint32_t ttl_cap, const std::optional<ExtendedError>& error) {
    ResponseWriter writer(out, asked, image.rcode, Authority::kRecursive);
    write_chain(writer, snapshot, path);
    append_chain(writer, image, age, ttl_cap);
    return {writer.finish(error), image.rcode};
}

namespace {

WrittenAnswer write_rewritten(ByteSpan out, const AskedQuestion& asked, const Name& qname,
                              RrType qtype, const Snapshot& snapshot, const BlockPolicy& policy,
                              const Verdict& verdict) {
    const RewriteAnswer& answer = policy.rewrite_of(verdict);
    ResponseWriter writer(out, asked, answer.rcode, Authority::kRecursive);
    const RecordSet* set = answer.rcode == Rcode::kNoError ? find_set(answer.node, qtype) : nullptr;
    if (set != nullptr) {
        write_set(writer, nullptr, policy.ttl, *set, 0);
    } else if (answer.rcode == Rcode::kNoError || answer.rcode == Rcode::kNxDomain) {
        writer.soa_authority({qname, snapshot.primary, policy.ttl});
    }
    const ExtendedError error{policy.ede(verdict), policy.explain(verdict)};
    return {writer.finish(error), answer.rcode};
}

}  // namespace

WrittenAnswer write_blocked(ByteSpan out, const AskedQuestion& asked, const Name& qname,
                            RrType qtype, const Snapshot& snapshot, const BlockPolicy& policy,
                            const Verdict& verdict) {
    if (verdict.source == VerdictSource::kListRewrite)
        return write_rewritten(out, asked, qname, qtype, snapshot, policy, verdict);
    Rcode rcode = Rcode::kNoError;
    if (policy.style == BlockStyle::kNxDomain) rcode = Rcode::kNxDomain;
    if (policy.style == BlockStyle::kRefused) rcode = Rcode::kRefused;
    ResponseWriter writer(out, asked, rcode, Authority::kRecursive);
    std::optional<IpAddress> address;
    if (policy.style == BlockStyle::kZero && qtype == RrType::kA) address = IpAddress{};
    if (policy.style == BlockStyle::kZero && qtype == RrType::kAaaa) {
        static constexpr std::uint8_t kV6[16] = {};
        address = IpAddress::from_bytes(kV6);
    }
    if (policy.style == BlockStyle::kAddress && policy.address &&
        qtype == (policy.address->is_v4() ? RrType::kA : RrType::kAaaa))
        address = policy.address;
    if (address) {
        writer.address(nullptr, policy.ttl, *address);
    } else if (rcode != Rcode::kRefused) {
        writer.soa_authority({qname, snapshot.primary, policy.ttl});
    }
    const ExtendedError error{policy.ede(verdict), policy.explain(verdict)};
    return {writer.finish(error), rcode};
}

}  // namespace hearth::dns
