#include "lb/core/flow_memory.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Life = Predecessor::Life;
using Place = VipPlace::Place;

const IpAddress kDns = IpAddress::v4(10, 0, 0, 53);
const IpAddress kProxy = IpAddress::v4(10, 0, 0, 100);
const MacAddress kOther{{2, 0, 0, 0, 0, 12}};

Redirect dns(Life life) { return {kDns, kOther, life}; }

TEST(FlowMemory, KnowsNothingAtFirst) {
    const FlowMemory memory;
    EXPECT_TRUE(memory.is_enough({}, {}));
    EXPECT_FALSE(memory.is_enough({dns(Life::kAlive)}, {}));
    EXPECT_FALSE(memory.is_enough({dns(Life::kUnwell)}, {}));
    EXPECT_TRUE(memory.is_enough({dns(Life::kSilent)}, {})) << "clients have waited long enough";
}

TEST(FlowMemory, OfWhatIsElsewhereIsEnoughInAnEmergencyOnly) {
    FlowMemory memory;
    memory.looked({{kDns, Place::kElsewhere}});
    EXPECT_TRUE(memory.is_enough({dns(Life::kUnwell)}, {}));
    EXPECT_FALSE(memory.is_enough({dns(Life::kAlive)}, {})) << "nobody waits for a planned move";
}

TEST(FlowMemory, OfWhatIsHereIsNotEnough) {
    FlowMemory memory;
    memory.looked({{kDns, Place::kHere}, {kProxy, Place::kJustLeft}});
    EXPECT_FALSE(memory.is_enough({dns(Life::kUnwell)}, {}));
    EXPECT_TRUE(memory.is_enough({{kProxy, kOther, Life::kUnwell}}, {}));
    EXPECT_FALSE(memory.is_enough({{kProxy, kOther, Life::kUnwell}, dns(Life::kUnwell)}, {}));
}

TEST(FlowMemory, IsOutOfDateOnceAVipWasHere) {
    FlowMemory memory;
    memory.looked({{kDns, Place::kElsewhere}, {kProxy, Place::kElsewhere}});
    memory.moved({{kDns, Place::kHere}, {kProxy, Place::kElsewhere}});
    memory.moved({{kDns, Place::kElsewhere}, {kProxy, Place::kElsewhere}});
    EXPECT_FALSE(memory.is_enough({dns(Life::kUnwell)}, {}));
    EXPECT_TRUE(memory.is_enough({{kProxy, kOther, Life::kUnwell}}, {}));
    memory.looked({{kDns, Place::kElsewhere}});
    EXPECT_TRUE(memory.is_enough({dns(Life::kUnwell)}, {}));
}

TEST(FlowMemory, OfWhatIsLedAlreadyIsNotNeeded) {
    FlowMemory memory;
    const std::vector<Redirect> led{dns(Life::kAlive)};
    EXPECT_TRUE(memory.is_enough(led, led));
    memory.looked({{kProxy, Place::kElsewhere}});
    EXPECT_TRUE(memory.is_enough({dns(Life::kAlive), {kProxy, kOther, Life::kUnwell}}, led));
}

}  // namespace
}  // namespace hearth::lb
