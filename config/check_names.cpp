#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/check.h"
#include "config/places.h"
#include "config/suggest.h"

// Who claims which name under the domain, and what CNAMEs lead to.
namespace hearth::config {
namespace {

struct Claim {
    std::string what;  // "node pi5"
    Span place;
};

// As far as the name server follows.
constexpr std::size_t kMaxHops = 8;

using Claims = std::map<Name, Claim>;

void claim(CheckContext& context, Claims& claims, const Name& name, Claim mine) {
    const auto [first, is_new] = claims.emplace(name, mine);
    if (is_new) return;
    context.diagnostics.error(mine.place, mine.what + " has the name of " + first->second.what)
        .notes.push_back(
            context.diagnostics.note(first->second.place, first->second.what + " is here"));
}

Span key_place(const CheckContext& context, std::string_view section, std::string_view name) {
    const Value* map = value_at(context.root, {section});
    const Entry* entry = map != nullptr ? map->find(name) : nullptr;
    return entry != nullptr ? entry->key_span : context.root.span;
}

// The entries of dns.records are in the order of document.dns.records.
const Entry* record_entry(const CheckContext& context, std::size_t index) {
    const Value* records = value_at(context.root, {"dns", "records"});
    return records != nullptr && index < records->entries.size() ? &records->entries[index]
                                                                 : nullptr;
}

Claims collect(CheckContext& context) {
    Claims claims;
    const Document& document = context.document;
    const auto add = [&](const std::string& label, const std::string& what, Span place) {
        if (const auto name = document.domain.child(label))
            claim(context, claims, *name, {what, place});
    };
    for (const Node& node : document.nodes)
        add(node.name, "node " + node.name, key_place(context, "nodes", node.name));
    for (const Service& service : document.services)
        add(service.name, "service " + service.name, key_place(context, "services", service.name));
    for (const Service& service : document.services) {
        for (std::size_t i = 0; i < service.aliases.size(); ++i)
            add(service.aliases[i], "alias " + service.aliases[i],
                item_place(context.root, {"services", service.name, "aliases"}, i));
    }
    for (std::size_t i = 0; i < document.dns.records.size(); ++i) {
        const Entry* entry = record_entry(context, i);
        if (entry == nullptr) continue;
        const LocalRecord& record = document.dns.records[i];
        const Claim mine{"record " + entry->key, entry->key_span};
        // Records of other types stand beside the addresses of whoever has the name.
        if (record.addresses.empty() && !record.cname) {
            claims.emplace(record.name, mine);
        } else {
            claim(context, claims, record.name, mine);
        }
    }
    const auto own = document.domain.child(kOwnLabel);
    if (own) claims.emplace(*own, Claim{"Hearth's own pages", context.root.span});
    return claims;
}

// A node or a record may have that name: the pages are not found there then, but nothing hides
// them.
void check_own_name(CheckContext& context) {
    const auto check = [&](const std::string& label, Span place) {
        if (label == kOwnLabel)
            context.diagnostics.error(place, "hearth is the name of Hearth's own pages");
    };
    for (const Service& service : context.document.services) {
        if (!service.is_proxied()) continue;
        check(service.name, key_place(context, "services", service.name));
        for (std::size_t i = 0; i < service.aliases.size(); ++i)
            check(service.aliases[i],
                  item_place(context.root, {"services", service.name, "aliases"}, i));
    }
}

bool is_forwarded(const Document& document, const Name& name) {
    for (const ForwardZone& forward : document.dns.forward) {
        for (const Name& zone : forward.zones) {
            if (name.is_at_or_under(zone)) return true;
        }
    }
    return false;
}

// Names that are known only when the daemon runs: of leases, of zone files.
bool may_come_later(const Document& document, const Name& name) {
    return !document.dns.leases.empty() ||
           std::ranges::any_of(document.dns.zones, [&](const ZoneFile& zone) {
               return name.is_at_or_under(zone.origin);
           });
}

bool has_wildcard_for(const Claims& claims, const Name& name) {
    for (Name parent = name.parent(); !parent.is_root(); parent = parent.parent()) {
        const auto wildcard = parent.child("*");
        if (wildcard && claims.contains(*wildcard)) return true;
    }
    return false;
}

std::vector<std::string> texts_of(const Claims& claims) {
    std::vector<std::string> texts;
    for (const auto& [name, claim] : claims) texts.push_back(name.to_string());
    return texts;
}

void check_target(CheckContext& context, const Claims& claims, const Name& target, Span place) {
    const Document& document = context.document;
    if (!target.is_at_or_under(document.domain)) return;
    if (claims.contains(target) || has_wildcard_for(claims, target) ||
        is_forwarded(document, target) || may_come_later(document, target))
        return;
    context.diagnostics.error(place, target.to_string() + " is no name of this document",
                              closest(target.to_string(), texts_of(claims)));
}

using Targets = std::map<Name, Name>;

// What is wrong with the way from `from`, or empty.
std::string chain_fault(const Targets& targets, const Name& from) {
    auto next = targets.find(from);
    for (std::size_t hops = 0; next != targets.end(); ++hops) {
        if (hops == kMaxHops)
            return "this CNAME leads through more than " + std::to_string(kMaxHops) + " others";
        if (next->second == from) return "this CNAME leads back to itself";
        next = targets.find(next->second);
    }
    return {};
}

void check_cnames(CheckContext& context, const Claims& claims) {
    const auto& records = context.document.dns.records;
    Targets targets;
    for (const LocalRecord& record : records) {
        if (record.cname) targets.emplace(record.name, *record.cname);
    }
    bool is_loop_told = false;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const Entry* entry = record_entry(context, i);
        const auto& cname = records[i].cname;
        if (!cname || entry == nullptr) continue;
        const Span place = entry->value.find("cname")->value.span;
        if (records[i].name == context.document.domain)
            context.diagnostics.error(entry->key_span,
                                      "the domain itself cannot be a CNAME (RFC 1034 §3.6.2)");
        check_target(context, claims, *cname, place);
        const std::string fault = is_loop_told ? "" : chain_fault(targets, records[i].name);
        if (fault.empty()) continue;
        // The other members of the loop, or the rest of the chain, would say the same.
        context.diagnostics.error(place, fault);
        is_loop_told = true;
    }
}

void check_zone_files(CheckContext& context) {
    std::map<Name, Span> seen;
    const auto& zones = context.document.dns.zones;
    for (std::size_t i = 0; i < zones.size(); ++i) {
        const Span place = item_place(context.root, {"dns", "zones"}, i);
        const auto [first, is_new] = seen.emplace(zones[i].origin, place);
        if (is_new) continue;
        context.diagnostics
            .error(place, "zone " + zones[i].origin.to_string() + " has a file already")
            .notes.push_back(context.diagnostics.note(first->second, "it is here"));
    }
}

void check_rewrites(CheckContext& context) {
    std::map<Name, Span> seen;
    const Document& document = context.document;
    const auto& rewrites = document.dns.rewrite;
    for (std::size_t i = 0; i < rewrites.size(); ++i) {
        const Span place = item_place(context.root, {"dns", "rewrite"}, i);
        if (document.domain.is_at_or_under(rewrites[i].from))
            context.diagnostics.error(place, "the domain itself cannot stand for another one");
        const auto [first, is_new] = seen.emplace(rewrites[i].from, place);
        if (is_new) continue;
        context.diagnostics
            .error(place, rewrites[i].from.to_string() + " stands for something else already")
            .notes.push_back(context.diagnostics.note(first->second, "it is here"));
    }
}

}  // namespace

void check_names(CheckContext& context) {
    check_own_name(context);
    const Claims claims = collect(context);
    check_cnames(context, claims);
    check_zone_files(context);
    check_rewrites(context);
}

}  // namespace hearth::config
