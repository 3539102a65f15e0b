#include "dns/core/special_names.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

TEST(SpecialNames, AreAnsweredHereUnlessTheDocumentSaysOtherwise) {
    LocalZones zones;
    add_special_names(zones);
    struct Case {
        const char* name;
        ZoneKind kind;
    };
    const Case cases[] = {
        {"localhost", ZoneKind::kLoopback},
        {"a.localhost", ZoneKind::kLoopback},
        {"x.test", ZoneKind::kNxDomain},
        {"x.invalid", ZoneKind::kNxDomain},
        {"abc.onion", ZoneKind::kNxDomain},
        {"printer.local", ZoneKind::kNxDomain},
        {"x.home.arpa", ZoneKind::kAuthoritative},
        {"x.default.service.arpa", ZoneKind::kAuthoritative},
        {"_dns.resolver.arpa", ZoneKind::kNoData},
        {"mask-h2.icloud.com", ZoneKind::kCanary},
        {"x.alt", ZoneKind::kNxDomain},
        {"x.internal", ZoneKind::kNxDomain},
        {"1.0.0.0.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.1.254.169.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.2.0.192.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.100.51.198.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.113.0.203.in-addr.arpa", ZoneKind::kAuthoritative},
        {"255.255.255.255.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.0.d.f.ip6.arpa", ZoneKind::kAuthoritative},
        {"0.8.e.f.ip6.arpa", ZoneKind::kAuthoritative},
        {"0.b.e.f.ip6.arpa", ZoneKind::kAuthoritative},
        {"0.8.b.d.0.1.0.0.2.ip6.arpa", ZoneKind::kAuthoritative},
        {"use-application-dns.net", ZoneKind::kCanary},
        {"mask.icloud.com", ZoneKind::kCanary},
        {"1.0.0.10.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.0.20.172.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.0.64.100.in-addr.arpa", ZoneKind::kAuthoritative},
        {"1.1.168.192.in-addr.arpa", ZoneKind::kAuthoritative},
    };
    for (const auto& [text, kind] : cases) {
        const Zone* zone = zones.zone_of(name(text));
        ASSERT_NE(zone, nullptr) << text;
        EXPECT_EQ(zone->kind, kind) << text;
    }
    for (const char* outside :
         {"1.0.15.172.in-addr.arpa", "1.0.32.172.in-addr.arpa", "1.1.1.1.in-addr.arpa", "apple.com",
          "icloud.com", "x.128.100.in-addr.arpa", "example.com", "ipv4only.arpa",
          "170.0.0.192.in-addr.arpa", "0.c.f.ip6.arpa", "0.c.e.f.ip6.arpa"})
        EXPECT_EQ(zones.zone_of(name(outside)), nullptr) << outside;
    zones.add_zone({name("home.arpa"), ZoneKind::kForward, 1});
    EXPECT_EQ(zones.zone_of(name("x.home.arpa"))->kind, ZoneKind::kForward);
    const auto* ptr = zones.find(name("1.0.0.127.in-addr.arpa")).node->find(RrType::kPtr);
    ASSERT_NE(ptr, nullptr);
    EXPECT_EQ(Name::from_wire(ptr->front()), name("localhost"));
}

TEST(SpecialNames, TheProofThatHomeArpaIsNotSignedIsAskedOutside) {
    EXPECT_TRUE(belongs_to_the_parent(name("home.arpa"), RrType::kDs));
    EXPECT_FALSE(belongs_to_the_parent(name("home.arpa"), RrType::kA));
    EXPECT_FALSE(belongs_to_the_parent(name("x.home.arpa"), RrType::kDs));
}

}  // namespace
}  // namespace hearth::dns
