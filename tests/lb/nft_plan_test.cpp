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
const OpenPort kOldHttp{kProxyVip, Transport::kTcp, 81};
// Others may come and go beside these two, and what all have in common stays as it is.
const OpenPort kFirst{kDnsVip, Transport::kTcp, 0x30};
const OpenPort kLast{kDnsVip, Transport::kTcp, 0x55};

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
    const PortRules before{{kDnsVip, kProxyVip}, {kFirst, kLast, kDns, kOldHttp}, {}};
    const auto plan = plan_changes({Shape::kCurrent, before},
                                   {{kDnsVip, kProxyVip}, {kFirst, kLast, kDns, kHttp}, {}});
    ASSERT_EQ(kinds(plan), (std::vector{Kind::kClosePort, Kind::kOpenPort, Kind::kForgetNumber}));
    EXPECT_EQ(plan[0].port, kOldHttp);
    EXPECT_EQ(plan[1].port, kHttp);
    EXPECT_EQ(plan[2].port, kOldHttp);
}

TEST(NftPlan, ANumberStaysAsLongAsOnePortHasIt) {
    const OpenPort other{kProxyVip, Transport::kUdp, 53};
    const PortRules before{{kDnsVip, kProxyVip}, {kFirst, kLast, kDns, other}, {}};
    EXPECT_EQ(kinds(plan_changes({Shape::kCurrent, before},
                                 {{kDnsVip, kProxyVip}, {kFirst, kLast, kDns}, {}})),
              std::vector{Kind::kClosePort});
    EXPECT_EQ(
        kinds(plan_changes({Shape::kCurrent, before}, {{kDnsVip, kProxyVip}, {kFirst, kLast}, {}})),
        (std::vector{Kind::kClosePort, Kind::kClosePort, Kind::kForgetNumber}));
}

TEST(NftPlan, VipThatGoesIsFreedBeforeItsPortsClose) {
    const PortRules before{{kDnsVip, kProxyVip}, {kFirst, kLast, kHttp}, {}};
    const auto plan = plan_changes({Shape::kCurrent, before}, {{kDnsVip}, {kFirst, kLast}, {}});
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
    const std::set<OpenPort> others{kFirst, kLast};
    const std::set<OpenPort> all{kFirst, kLast, kDns};
    const auto plan =
        plan_changes({Shape::kCurrent, {{kDnsVip}, all, {}}}, {{kDnsVip}, others, {kDns}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kClosePort, Kind::kForgetNumber, Kind::kPassPort}));
    const auto back =
        plan_changes({Shape::kCurrent, {{kDnsVip}, others, {kDns}}}, {{kDnsVip}, all, {}});
    EXPECT_EQ(kinds(back), (std::vector{Kind::kOpenPort, Kind::kStopPort}));
}

TEST(NftPlan, PatternIsWhatAllNumbersHaveInCommon) {
    EXPECT_EQ(common_pattern({}), (PortPattern{0xffff, 0}));
    EXPECT_EQ(common_pattern({kDns}), (PortPattern{0xffff, 53}));
    EXPECT_EQ(common_pattern({kDns, kHttp}), (PortPattern{0xff9a, 0x10}));
    EXPECT_EQ(common_pattern({{kDnsVip, Transport::kTcp, 0}, {kDnsVip, Transport::kTcp, 65'535}}),
              (PortPattern{0, 0}));
}

TEST(NftPlan, ANumberThatIsNotLikeTheOthersMakesAnotherTable) {
    const PortRules before{{kDnsVip}, {kDns}, {}};
    const auto plan = plan_changes({Shape::kCurrent, before}, {{kDnsVip}, {kDns, kFirst}, {}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kDeleteTable, Kind::kCreateTable, Kind::kOpenPort,
                                        Kind::kOpenPort, Kind::kAddVip}));
    EXPECT_EQ(plan[1].pattern, common_pattern({kDns, kFirst}));
}

}  // namespace
}  // namespace hearth::lb
