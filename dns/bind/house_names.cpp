#include "dns/bind/house_names.h"

#include "dns/bind/serving_plan.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "config/use_assignments.h"
#include "dns/core/special_names.h"
#include "dns/io/text_file.h"
#include "dns/io/zone_file.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kMostZoneBytes = 32U << 20;
constexpr std::size_t kMostLeaseBytes = 32U << 20;
constexpr std::size_t kMostAssignedBytes = 256U << 10;
// Of Kea's memfile: what its clean-up has put aside, in the order in which it counts (Kea
// Administrator Reference Manual, "lease file cleanup").
constexpr const char* kKeaParts[] = {".completed", ".2", ".1"};

Name under(const config::Document& document, std::string_view label) {
    return document.domain.child(label).value_or(document.domain);
}

bool is_wildcard(const Name& name) { return name.first_label() == "*"; }

// A suffix that stands for another one is asked where that one is.
void add_rewrites(LocalZones& zones, const config::Document& document) {
    for (const auto& rewrite : document.dns.rewrite) {
        const Zone* goal = zones.zone_of(rewrite.to);
        const bool is_forwarded = goal != nullptr && goal->kind == ZoneKind::kForward;
        zones.add_zone({rewrite.from, ZoneKind::kForward, is_forwarded ? goal->group : 0,
                        std::make_shared<const Name>(rewrite.to)});
    }
}

// At and under it no name is special.
void add_ordinary(LocalZones& zones, const Name& name) {
    zones.drop_zones_under(name);
    if (zones.zone_of(name) != nullptr) zones.add_zone({name, ZoneKind::kOrdinary});
}

// Special names and the networks' reverse zones, then what the document forwards, then the domain:
// each outranks what was there before. A forward zone takes all that is below it, too.
void add_zones(LocalZones& zones, const config::Document& document) {
    add_special_names(zones);
    for (const Name& name : document.dns.special.except) add_ordinary(zones, name);
    for (const IpPrefix& prefix : document.lan)
        if (prefix.length() >= 8) zones.add_zone({config::reverse_zone(prefix)});
    for (const auto& forward : document.dns.forward)
        for (const Name& zone : forward.zones) zones.drop_zones_under(zone);
    std::uint32_t group = 1;
    for (const auto& forward : document.dns.forward) {
        for (const Name& zone : forward.zones) zones.add_zone({zone, ZoneKind::kForward, group});
        ++group;
    }
    const Zone* above = zones.zone_of(document.domain);
    const bool is_forwarded = above != nullptr && above->kind == ZoneKind::kForward;
    zones.add_zone({document.domain, is_forwarded ? ZoneKind::kForward : ZoneKind::kAuthoritative,
                    is_forwarded ? above->group : 0});
    add_rewrites(zones, document);
}

bool reverse_is_ours(const config::Document& document, const IpAddress& address) {
    return address.is_private() ||
           std::any_of(document.lan.begin(), document.lan.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

void add_host(LocalZones& zones, const config::Document& document, const Name& name,
              const IpAddress& address, std::uint32_t ttl = RecordSet::kHouseTtl) {
    zones.add_address(name, address, ttl);
    if (reverse_is_ours(document, address) && !is_wildcard(name)) zones.add_ptr(address, name, ttl);
}

std::vector<IpAddress> proxy_addresses(const config::Document& document) {
    std::vector<IpAddress> addresses;
    for (const Endpoint& endpoint : document.proxy.listen)
        if (!endpoint.address.is_unspecified()) addresses.push_back(endpoint.address);
    if (!addresses.empty()) return addresses;
    if (const auto* vip = document.find_vip(document.proxy.vip)) return vip->addresses;
    for (const auto& node : document.nodes) addresses.push_back(node.address);
    return addresses;
}

// Where a service is found: its own VIP, else wherever the proxy listens.
std::vector<IpAddress> service_addresses(const config::Document& document,
                                         const config::Service& service) {
    if (!service.vip.empty()) return service.addresses;
    if (const auto* own = document.find_vip(service.name)) return own->addresses;
    return proxy_addresses(document);
}

void add_records(LocalZones& zones, const config::Document& document) {
    for (const auto& record : document.dns.records) {
        const std::uint32_t ttl =
            record.ttl ? static_cast<std::uint32_t>(record.ttl->count()) : RecordSet::kHouseTtl;
        if (record.cname) zones.add_cname(record.name, *record.cname, ttl);
        for (const IpAddress& address : record.addresses)
            add_host(zones, document, record.name, address, ttl);
        for (const auto& set : record.others)
            for (const auto& data : set.data)
                zones.add_record(record.name, static_cast<RrType>(set.type), data, ttl);
    }
}

// Of Hearth's own pages, where there is a proxy to show them and nobody else has the name.
void add_own_name(LocalZones& zones, const config::Document& document) {
    const Name name = under(document, config::kOwnLabel);
    const bool has_proxy = std::ranges::any_of(
        document.services, [](const auto& service) { return service.is_proxied(); });
    if (!has_proxy || zones.has_records(name)) return;
    for (const IpAddress& address : proxy_addresses(document)) zones.add_address(name, address);
}

void add_names(LocalZones& zones, const config::Document& document) {
    for (const auto& node : document.nodes)
        add_host(zones, document, under(document, node.name), node.address);
    add_records(zones, document);
    for (const auto& service : document.services) {
        // Also while no pool has given it an address.
        zones.add_name(under(document, service.name));
        for (const IpAddress& address : service_addresses(document, service)) {
            zones.add_address(under(document, service.name), address);
            for (const auto& alias : service.aliases)
                zones.add_address(under(document, alias), address);
        }
    }
    add_own_name(zones, document);
    // A VIP has a name too, unless something else took it.
    for (const auto& vip : document.vips) {
        const Name name = under(document, vip.name);
        const bool is_taken = zones.has_records(name);
        for (const IpAddress& address : vip.addresses) {
            if (!is_taken)
                add_host(zones, document, name, address);
            else if (reverse_is_ours(document, address))
                zones.add_ptr(address, name);
        }
    }
}

// The names that the document gives to clients; leases add theirs.
void add_clients(ClientNames& names, const config::Document& document) {
    for (const auto& node : document.nodes)
        names.add(node.address, under(document, node.name), document.domain);
    for (const auto& record : document.dns.records) {
        if (is_wildcard(record.name)) continue;
        for (const IpAddress& address : record.addresses)
            names.add(address, record.name, document.domain);
    }
}

// A lease's name is its client's alone: no name of the document, no zone file's.
bool is_free(const LocalZones& zones, const std::unordered_set<Name>& lent, const Name& name) {
    return lent.contains(name) || !zones.has_records(name);
}

void add_leases(HouseNames& names, LocalZones& zones, ClientNames& clients,
                const config::Document& document, const std::vector<Lease>& leases,
                std::int64_t wall_s) {
    std::unordered_set<Name> lent;
    for (const Lease& lease : leases) {
        if (lease.ends_s <= wall_s) continue;
        const Name name = under(document, lease.host);
        if (!is_free(zones, lent, name)) continue;
        lent.insert(name);
        add_host(zones, document, name, lease.address);
        clients.add(lease.address, name, document.domain);
        names.next_end_s = std::min(names.next_end_s, lease.ends_s);
        ++names.leases;
    }
}

// An origin that is forwarded stays so: what the file does not know is asked there.
void add_zone_files(LocalZones& zones, const NameFiles& files) {
    for (const auto& contents : files.zones) {
        const Zone* zone = zones.zone_of(contents->origin);
        if (zone == nullptr || zone->apex != contents->origin || zone->kind != ZoneKind::kForward)
            zones.add_zone({contents->origin});
    }
    for (const auto& contents : files.zones) (void)add_zone_contents(zones, *contents);
}

std::shared_ptr<const ZoneContents> known_zone(const NameFiles& files,
                                               const config::ZoneFile& wanted) {
    const auto found = std::ranges::find_if(files.zones, [&](const auto& contents) {
        return contents->file == wanted.file && contents->origin == wanted.origin;
    });
    return found == files.zones.end() ? nullptr : *found;
}

// The leases' text with what Kea keeps beside it; a file that is not there yet holds none.
Result<std::string> read_lease_text(const std::string& file) {
    auto text = read_text_file(file, kMostLeaseBytes);
    if (!text && text.error().code != Errc::kNotFound) return text;
    const bool is_kea = text && lease_format_of(*text) == LeaseFormat::kKea;
    if (!is_kea) return text;
    std::string whole;
    for (const char* part : kKeaParts)
        if (const auto aside = read_text_file(file + part, kMostLeaseBytes)) whole += *aside;
    return whole + *text;
}

bool asks_pools(const config::Document& document) {
    return std::ranges::any_of(document.vips,
                               [](const auto& vip) { return vip.request.has_value(); });
}

// hearth-lb replaces the file whole; while it cannot be read nothing changes.
void read_assigned(const config::Document& document, const NameFiles& before, NameFiles& files) {
    files.assigned_file = before.assigned_file;
    if (!asks_pools(document)) return;
    files.assigned = before.assigned;
    if (auto assigned =
            read_text_file(before.assigned_file, kMostAssignedBytes).and_then(parse_assigned))
        files.assigned = std::move(*assigned);
}

}  // namespace

NameFiles read_name_files(const config::Document& document, const NameFiles& before) {
    NameFiles files;
    read_assigned(document, before, files);
    for (const auto& wanted : document.dns.zones) {
        auto contents =
            read_text_file(wanted.file, kMostZoneBytes).and_then([&](const std::string& text) {
                return parse_zone(text, wanted.file, wanted.origin);
            });
        if (contents) {
            files.zones.push_back(std::make_shared<const ZoneContents>(std::move(*contents)));
            continue;
        }
        files.zone_faults.push_back(contents.error().to_string());
        if (auto old = known_zone(before, wanted)) files.zones.push_back(std::move(old));
    }
    for (const auto& file : document.dns.leases) {
        const auto text = read_lease_text(file);
        if (!text) {
            files.lease_faults.push_back(text.error().to_string());
            continue;
        }
        LeaseFile found = read_leases(*text);
        files.leases.insert(files.leases.end(), found.leases.begin(), found.leases.end());
        files.lease_counts.nameless += found.counts.nameless;
        files.lease_counts.invalid += found.counts.invalid;
    }
    return files;
}

std::vector<std::string> watched_files(const config::Document& document, const NameFiles& files) {
    std::vector<std::string> watched = document.dns.leases;
    for (const auto& zone : document.dns.zones) watched.push_back(zone.file);
    if (asks_pools(document)) watched.push_back(files.assigned_file);
    return watched;
}

HouseNames build_house_names(const config::Document& written, const NameFiles& files,
                             std::int64_t wall_s) {
    config::Document document = written;
    config::use_assignments(document, files.assigned);
    const auto zones = std::make_shared<LocalZones>();
    const auto clients = std::make_shared<ClientNames>();
    HouseNames names;
    add_zones(*zones, document);
    add_names(*zones, document);
    add_discovery(*zones, document);
    add_zone_files(*zones, files);
    add_clients(*clients, document);
    add_leases(names, *zones, *clients, document, files.leases, wall_s);
    names.zones = zones;
    names.clients = clients;
    return names;
}

}  // namespace hearth::dns
