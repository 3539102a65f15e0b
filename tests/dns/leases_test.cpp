#include "dns/core/leases.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

constexpr std::string_view kDnsmasq =
    "1763700000 aa:bb:cc:dd:ee:01 10.0.0.60 Tablet 01:aa:bb:cc:dd:ee:01\n"
    "0 aa:bb:cc:dd:ee:02 10.0.0.61 Anna's iPhone.lan *\n"
    "1763700000 aa:bb:cc:dd:ee:03 10.0.0.62 * *\n"
    "1763700000 aa:bb:cc:dd:ee:04 10.0.0.63 wpad *\n"
    "nonsense\n"
    "duid 00:01:00:01:2b\n"
    "1763700001 1234567 fd00::60 tablet 00:01:00:01\n";

constexpr std::string_view kKea =
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,"
    "user_context,pool_id\n"
    "10.0.0.60,aa:bb:cc:dd:ee:01,,3600,1763700000,1,0,0,tablet.home.,0,,0\n"
    "10.0.0.61,aa:bb:cc:dd:ee:02,,4294967295,0,1,0,0,phone,0,,0\n"
    "10.0.0.62,aa:bb:cc:dd:ee:03,,3600,1763700000,1,0,0,declined,1,,0\n"
    "10.0.0.63,aa:bb:cc:dd:ee:04,,3600,1763700000,1,0,0,left,0,,0\n"
    "10.0.0.63,aa:bb:cc:dd:ee:04,,0,1763700000,1,0,0,left,0,,0\n"
    "10.0.0.60,aa:bb:cc:dd:ee:01,,3600,1763703600,1,0,0,tablet.home.,0,,0\n"
    "10.0.0.99,aa\n";

constexpr std::string_view kKea6 =
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
    "fqdn_fwd,fqdn_rev,hostname,hwaddr,state\n"
    "fd00::60,00:01,3600,1763700000,1,1800,0,1,128,0,0,tablet,,0\n"
    "fd00:1::,00:01,3600,1763700000,1,1800,2,1,56,0,0,router,,0\n";

constexpr std::string_view kIsc = R"(# a comment { with a brace
authoring-byte-order little-endian;
server-duid "\000\001{;";
lease 10.0.0.60 {
  starts 5 2025/11/21 03:40:00;
  ends 5 2025/11/21 04:40:00;
  binding state active;
  next binding state free;
  hardware ethernet aa:bb:cc:dd:ee:01;
  on expiry { set x = "y"; client-hostname "not-this"; }
  client-hostname "Tablet";
}
lease 10.0.0.61 { ends never; binding state active; client-hostname "tv"; }
lease 10.0.0.62 { ends epoch 1763700000; binding state free; client-hostname "gone"; }
lease 10.0.0.63 { ends 5 2025/13/41 04:40:00; client-hostname "odd"; }
ia-na "\001\002" {
  cltt 5 2025/11/21 03:40:00;
  iaaddr fd00::60 {
    binding state active;
    ends epoch 1763700002;
    set ddns-fwd-name = "tablet.example.org";
  }
}
lease 10.0.0.64 { ends never; binding st)";

TEST(Leases, Dnsmasq) {
    const LeaseFile file = read_leases(kDnsmasq);
    EXPECT_EQ(lease_format_of(kDnsmasq), LeaseFormat::kDnsmasq);
    EXPECT_EQ(file.leases, (std::vector<Lease>{
                               {IpAddress::v4(10, 0, 0, 60), "tablet", 1763700000},
                               {IpAddress::v4(10, 0, 0, 61), "anna-s", Lease::kForever},
                               {*IpAddress::parse("fd00::60"), "tablet", 1763700001},
                           }));
    EXPECT_EQ(file.counts, (LeaseCounts{2, 1}));
}

TEST(Leases, KeaTheLastLineOfAnAddressCounts) {
    const LeaseFile file = read_leases(kKea);
    EXPECT_EQ(file.leases, (std::vector<Lease>{
                               {IpAddress::v4(10, 0, 0, 60), "tablet", 1763703600},
                               {IpAddress::v4(10, 0, 0, 61), "phone", Lease::kForever},
                           }));
    EXPECT_EQ(file.counts, (LeaseCounts{0, 1}));
    EXPECT_EQ(read_leases(kKea6).leases,
              (std::vector<Lease>{{*IpAddress::parse("fd00::60"), "tablet", 1763700000}}))
        << "a prefix is nobody's address";
    // What Kea's clean-up left beside the file is read in front of it.
    EXPECT_EQ(read_leases(std::string(kKea) + std::string(kKea)).leases, file.leases);
}

TEST(Leases, Isc) {
    const LeaseFile file = read_leases(kIsc);
    EXPECT_EQ(lease_format_of(kIsc), LeaseFormat::kIsc);
    EXPECT_EQ(file.leases, (std::vector<Lease>{
                               {IpAddress::v4(10, 0, 0, 60), "tablet", 1763700000},
                               {IpAddress::v4(10, 0, 0, 61), "tv", Lease::kForever},
                               {*IpAddress::parse("fd00::60"), "tablet", 1763700002},
                           }));
    EXPECT_EQ(file.counts, (LeaseCounts{0, 2}));
}

TEST(Leases, AFileCutAnywhereIsRead) {
    for (const auto text : {kDnsmasq, kKea, kKea6, kIsc})
        for (std::size_t size = 0; size <= text.size(); ++size)
            EXPECT_LE(read_leases(text.substr(0, size)).leases.size(), 4U);
}

TEST(Leases, NamesAreMadeLabels) {
    EXPECT_EQ(lease_host("Anna's iPhone"), "anna-s-iphone");
    EXPECT_EQ(lease_host("tablet.home."), "tablet");
    EXPECT_EQ(lease_host("--x--"), "x");
    EXPECT_EQ(lease_host("*"), "");
    EXPECT_EQ(lease_host("WPAD"), "");
    EXPECT_EQ(lease_host(std::string(80, 'a')).size(), 63U);
    EXPECT_EQ(lease_host(std::string(62, 'a') + "--b").size(), 62U);
}

}  // namespace
}  // namespace hearth::dns
