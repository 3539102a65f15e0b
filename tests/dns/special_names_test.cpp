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
        {"_dns.resolver.arpa", ZoneKind::kNoData},
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
          "icloud.com", "x.128.100.in-addr.arpa"})
        EXPECT_EQ(zones.zone_of(name(outside)), nullptr) << outside;
    zones.add_zone({name("home.arpa"), ZoneKind::kForward, 1});
    EXPECT_EQ(zones.zone_of(name("x.home.arpa"))->kind, ZoneKind::kForward);
    const auto* ptr = zones.find(name("1.0.0.127.in-addr.arpa")).node->find(RrType::kPtr);
    ASSERT_NE(ptr, nullptr);
    EXPECT_EQ(Name::from_wire(ptr->front()), name("localhost"));
}

}  // namespace
}  // namespace hearth::dns
