#include "dns/core/local_answer.h"

#include <span>

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
        case ZoneKind::kCanary: return End::kCanary;
    }
    return End::kNxDomain;
}

Soa soa_of(const Snapshot& snapshot, const Zone* zone) {
    return {zone != nullptr ? zone->apex : Name{}, snapshot.primary, snapshot.local_ttl};
}

// RFC 8482 §4.1: one RRset that is there.
RrType type_for_any(const LocalNode& node) noexcept {
    if (node.cname) return RrType::kCname;
    if (node.ptr) return RrType::kPtr;
    return node.v4.empty() ? RrType::kAaaa : RrType::kA;
}

struct Addresses {
    std::span<const IpAddress> all;
    std::uint32_t rotation;
};

void write_addresses(ResponseWriter& out, const Name* owner, std::uint32_t ttl,
                     const Addresses& addresses) {
    const std::size_t n = addresses.all.size();
    for (std::size_t i = 0; i < n; ++i)
        out.address(owner, ttl, addresses.all[(i + addresses.rotation) % n]);
}

// True when the node has records of the type.
bool write_records(ResponseWriter& out, const Name* owner, RrType qtype, std::uint32_t ttl,
                   const LocalNode& node, std::uint32_t rotation) {
    const RrType type = qtype == RrType::kAny ? type_for_any(node) : qtype;
    if (is_address(type)) {
        const auto& addresses = type == RrType::kA ? node.v4 : node.v6;
        write_addresses(out, owner, ttl, {addresses, rotation});
        return !addresses.empty();
    }
    if (type == RrType::kCname && node.cname) {
        out.target(owner, type, ttl, *node.cname);
        return true;
    }
    if (type == RrType::kPtr && node.ptr) {
        out.target(owner, type, ttl, *node.ptr);
        return true;
    }
    return false;
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
        out.target(owner, RrType::kCname, snapshot.local_ttl, *path.chain[i]);
        owner = path.chain[i];
    }
    return owner;
}

}  // namespace

LocalPath find_local(const Snapshot& snapshot, const Name& qname, RrType qtype) {
    LocalPath path;
    path.name = with_domain(snapshot, qname);
    while (true) {
        const LocalMatch match = snapshot.zones->find(path.name);
        path.zone = match.zone;
        path.node = match.node;
        const bool asks_apex = qtype == RrType::kSoa || qtype == RrType::kNs;
        if (match.node == nullptr || (match.at_apex && asks_apex)) {
            path.end = end_without_node(snapshot, match, path.name, qtype);
            return path;
        }
        const auto& cname = match.node->cname;
        if (!cname || qtype == RrType::kCname || qtype == RrType::kAny) {
            path.end = End::kRecords;
            return path;
        }
        if (path.chain_size == LocalPath::kMaxChain) {
            path.end = End::kChainTooLong;
            return path;
        }
        path.chain[path.chain_size++] = &*cname;
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
    const Soa soa = soa_of(snapshot, path.zone);
    bool found = rcode == Rcode::kServFail;
    if (path.end == End::kRecords) {
        found = write_records(writer, owner, qtype, snapshot.local_ttl, *path.node, rotation);
    } else if (path.end == End::kLoopback) {
        found = write_loopback(writer, owner, qtype, snapshot.local_ttl);
    } else if (path.end == End::kApex) {
        found = true;
        if (qtype == RrType::kSoa) {
            writer.soa_answer(soa);
        } else {
            writer.target(owner, RrType::kNs, snapshot.local_ttl, snapshot.primary);
        }
    }
    if (!found) writer.soa_authority(soa);
    return {writer.finish(), rcode};
}

WrittenAnswer write_chained(ByteSpan out, const AskedQuestion& asked, const Snapshot& snapshot,
                            const LocalPath& path, const AnswerImage& image, std::uint32_t age) {
    ResponseWriter writer(out, asked, image.rcode, Authority::kRecursive);
    write_chain(writer, snapshot, path);
    append_chain(writer, image, age);
    return {writer.finish(), image.rcode};
}

WrittenAnswer write_blocked(ByteSpan out, const AskedQuestion& asked, const Name& qname,
                            RrType qtype, const Snapshot& snapshot, const Verdict& verdict) {
    const BlockPolicy& policy = snapshot.blocking;
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
    const ExtendedError error{EdeCode::kBlocked, policy.explain(verdict)};
    return {writer.finish(error), rcode};
}

}  // namespace hearth::dns
