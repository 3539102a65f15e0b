#include "dns/core/special_names.h"

#include <string>
#include <string_view>

namespace hearth::dns {
namespace {

struct Special {
    std::string_view name;
    ZoneKind kind;
};

constexpr Special kSpecial[] = {
    {"localhost", ZoneKind::kLoopback},
    {"test", ZoneKind::kNxDomain},
    {"invalid", ZoneKind::kNxDomain},
    {"onion", ZoneKind::kNxDomain},
    {"local", ZoneKind::kNxDomain},
    {"alt", ZoneKind::kNxDomain},
    {"internal", ZoneKind::kNxDomain},
    {"home.arpa", ZoneKind::kAuthoritative},
    {"service.arpa", ZoneKind::kAuthoritative},
    {"resolver.arpa", ZoneKind::kNoData},
    {"use-application-dns.net", ZoneKind::kCanary},
    {"mask.icloud.com", ZoneKind::kCanary},
    {"mask-h2.icloud.com", ZoneKind::kCanary},
    // RFC 6303 §4 and 5
    {"10.in-addr.arpa", ZoneKind::kAuthoritative},
    {"168.192.in-addr.arpa", ZoneKind::kAuthoritative},
    {"0.in-addr.arpa", ZoneKind::kAuthoritative},
    {"127.in-addr.arpa", ZoneKind::kAuthoritative},
    {"254.169.in-addr.arpa", ZoneKind::kAuthoritative},
    {"2.0.192.in-addr.arpa", ZoneKind::kAuthoritative},
    {"100.51.198.in-addr.arpa", ZoneKind::kAuthoritative},
    {"113.0.203.in-addr.arpa", ZoneKind::kAuthoritative},
    {"255.255.255.255.in-addr.arpa", ZoneKind::kAuthoritative},
    {"d.f.ip6.arpa", ZoneKind::kAuthoritative},
    {"8.e.f.ip6.arpa", ZoneKind::kAuthoritative},
    {"9.e.f.ip6.arpa", ZoneKind::kAuthoritative},
    {"a.e.f.ip6.arpa", ZoneKind::kAuthoritative},
    {"b.e.f.ip6.arpa", ZoneKind::kAuthoritative},
    {"8.b.d.0.1.0.0.2.ip6.arpa", ZoneKind::kAuthoritative},
};

void add(LocalZones& zones, std::string_view name, ZoneKind kind) {
    zones.add_zone({*Name::parse(name), kind});
}

}  // namespace

bool belongs_to_the_parent(const Name& name, RrType type) noexcept {
    static const Name home_arpa = *Name::parse("home.arpa");
    return type == RrType::kDs && name == home_arpa;
}

void add_special_names(LocalZones& zones) {
    for (const auto& [name, kind] : kSpecial) add(zones, name, kind);
    for (int second = 16; second < 32; ++second)  // 172.16.0.0/12
        add(zones, std::to_string(second) + ".172.in-addr.arpa", ZoneKind::kAuthoritative);
    for (int second = 64; second < 128; ++second)  // 100.64.0.0/10, RFC 7793
        add(zones, std::to_string(second) + ".100.in-addr.arpa", ZoneKind::kAuthoritative);
    const Name localhost = *Name::parse("localhost");
    const auto v6_loopback = *IpAddress::parse("::1");
    add(zones, IpAddress::parse("::")->reverse_name(), ZoneKind::kAuthoritative);
    add(zones, v6_loopback.reverse_name(), ZoneKind::kAuthoritative);
    zones.add_ptr(IpAddress::v4(127, 0, 0, 1), localhost);
    zones.add_ptr(v6_loopback, localhost);
}

}  // namespace hearth::dns
