#include "dns/core/client_names.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

TEST(ClientNames, TheFirstNameStaysAndTheDomainIsLeftAway) {
    ClientNames names;
    const auto tablet = IpAddress::v4(10, 0, 0, 60);
    const auto phone = *IpAddress::parse("fd00::60");
    names.add(tablet, name("tablet.home"), name("home"));
    names.add(tablet, name("other.home"), name("home"));
    names.add(phone, name("phone.kids.home"), name("home"));
    EXPECT_EQ(names.of(tablet), "tablet");
    EXPECT_EQ(names.of(phone), "phone.kids.home");
    EXPECT_EQ(names.of(IpAddress::v4(10, 0, 0, 61)), "");
    EXPECT_EQ(names.size(), 2U);
}

}  // namespace
}  // namespace hearth::dns
