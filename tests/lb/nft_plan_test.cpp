#include "lb/core/nft_plan.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Kind = NftOperation::Kind;
using Shape = InstalledRules::Shape;

const IpAddress kDnsVip = IpAddress::v4(10, 0, 0, 53);
const IpAddress kProxyVip = IpAddress::v4(10, 0, 0, 100);
const OpenPort kDns{kDnsVip, Transport::kUdp, 53};
const OpenPort kHttp{kProxyVip, Transport::kTcp, 80};
const OpenPort kOldHttp{kProxyVip, Transport::kTcp, 8080};

std::vector<Kind> kinds(const std::vector<NftOperation>& operations) {
    std::vector<Kind> list;
    for (const auto& operation : operations) list.push_back(operation.kind);
    return list;
}

TEST(NftPlan, NothingIsDoneWhenNothingDiffers) {
    const PortRules rules{{kDnsVip}, {kDns}, {}};
    EXPECT_TRUE(plan_changes({Shape::kCurrent, rules}, rules).empty());
    EXPECT_TRUE(plan_changes({Shape::kAbsent, {}}, {}).empty());
}

TEST(NftPlan, FirstTableOpensPortsBeforeItGuardsTheVip) {
    const auto plan = plan_changes({}, {{kDnsVip}, {kDns}, {}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kCreateTable, Kind::kOpenPort, Kind::kAddVip}));
    EXPECT_EQ(plan[1].port, kDns);
    EXPECT_EQ(plan[2].vip, kDnsVip);
}

TEST(NftPlan, OnlyTheDifferenceIsChanged) {
    const PortRules before{{kDnsVip, kProxyVip}, {kDns, kOldHttp}, {}};
    const auto plan =
        plan_changes({Shape::kCurrent, before}, {{kDnsVip, kProxyVip}, {kDns, kHttp}, {}});
    ASSERT_EQ(kinds(plan), (std::vector{Kind::kClosePort, Kind::kOpenPort, Kind::kForgetNumber}));
    EXPECT_EQ(plan[0].port, kOldHttp);
    EXPECT_EQ(plan[1].port, kHttp);
    EXPECT_EQ(plan[2].port, kOldHttp);
}

TEST(NftPlan, ANumberStaysAsLongAsOnePortHasIt) {
    const OpenPort other{kProxyVip, Transport::kUdp, 53};
    const PortRules before{{kDnsVip, kProxyVip}, {kDns, other}, {}};
    EXPECT_EQ(kinds(plan_changes({Shape::kCurrent, before}, {{kDnsVip, kProxyVip}, {kDns}, {}})),
              std::vector{Kind::kClosePort});
    EXPECT_EQ(kinds(plan_changes({Shape::kCurrent, before}, {{kDnsVip, kProxyVip}, {}, {}})),
              (std::vector{Kind::kClosePort, Kind::kClosePort, Kind::kForgetNumber}));
}

TEST(NftPlan, VipThatGoesIsFreedBeforeItsPortsClose) {
    const PortRules before{{kDnsVip, kProxyVip}, {kDns, kHttp}, {}};
    const auto plan = plan_changes({Shape::kCurrent, before}, {{kDnsVip}, {kDns}, {}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kRemoveVip, Kind::kClosePort, Kind::kForgetNumber}));
}

TEST(NftPlan, DamagedTableIsReplacedInOneGo) {
    const auto plan = plan_changes({Shape::kDamaged, {}}, {{kDnsVip}, {kDns}, {}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kDeleteTable, Kind::kCreateTable, Kind::kOpenPort,
                                        Kind::kAddVip}));
}

TEST(NftPlan, WithoutVipsThereIsNoTable) {
    for (const auto shape : {Shape::kCurrent, Shape::kDamaged})
        EXPECT_EQ(kinds(plan_changes({shape, {{kDnsVip}, {kDns}, {}}}, {})),
                  std::vector{Kind::kDeleteTable});
}

TEST(NftPlan, PortThatPassesInsteadOfBeingAnsweredChangesSets) {
    const auto plan =
        plan_changes({Shape::kCurrent, {{kDnsVip}, {kDns}, {}}}, {{kDnsVip}, {}, {kDns}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kClosePort, Kind::kForgetNumber, Kind::kPassPort}));
    const auto back =
        plan_changes({Shape::kCurrent, {{kDnsVip}, {}, {kDns}}}, {{kDnsVip}, {kDns}, {}});
    EXPECT_EQ(kinds(back), (std::vector{Kind::kOpenPort, Kind::kStopPort}));
}

}  // namespace
}  // namespace hearth::lb
