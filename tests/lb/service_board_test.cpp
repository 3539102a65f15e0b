#include "lb/core/service_board.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::lb {
namespace {

const IpAddress kVip = IpAddress::v4(10, 0, 0, 101);
const OpenPort kPort{kVip, Transport::kUdp, 53};
const Endpoint kA{IpAddress::v4(10, 0, 0, 11), 53};
const Endpoint kB{IpAddress::v4(10, 0, 0, 12), 53};

BalancedService service(OpenPort port = kPort) {
    BalancedService one;
    one.name = "dns";
    one.port = port;
    one.balancing.backends = {{kA, 1}, {kB, 1}};
    one.check = BackendCheck{};
    return one;
}

CheckTarget target(const Endpoint& endpoint) { return {endpoint, BackendCheck{}}; }

std::set<Endpoint> used(const ServiceBoard& board, const OpenPort& port = kPort) {
    std::set<Endpoint> all;
    for (const auto& slot : board.program(port).slots)
        if (slot) all.insert(*slot);
    return all;
}

TEST(ServiceBoard, BackendThatDoesNotAnswerGetsNoConnections) {
    ServiceBoard board;
    board.apply({service()}, {}, {});
    EXPECT_EQ(used(board), (std::set{kA, kB})) << "until it is known";
    board.answered(target(kA), true);
    board.answered(target(kB), false);
    EXPECT_EQ(used(board), std::set{kA});
    EXPECT_EQ(board.living(board.services().at(kPort)), std::set{kA});
    board.answered(target(kA), false);
    board.answered(target(kA), false);
    EXPECT_EQ(used(board), std::set{kA});
    board.answered(target(kA), false);
    EXPECT_TRUE(used(board).empty());
}

TEST(ServiceBoard, TheDeadAreListed) {
    ServiceBoard board;
    board.apply({service()}, {}, {});
    EXPECT_TRUE(board.down().empty());
    board.answered(target(kB), false);
    EXPECT_EQ(board.down(), std::set{target(kB)});
    for (int i = 0; i < 3; ++i) board.answered(target(kB), true);
    EXPECT_TRUE(board.down().empty());
    board.answered(target(kA), false);
    board.apply({}, {}, {});
    EXPECT_TRUE(board.down().empty()) << "gone with its service";
    InstalledServices installed;
    installed.slots[kPort] = {kA};
    board.apply({service()}, installed, {});
    EXPECT_EQ(board.down(), std::set{target(kB)}) << "not used before, and not asked yet";
}

TEST(ServiceBoard, DrainedBackendKeepsWhatItHas) {
    ServiceBoard board;
    BalancedService one = service();
    one.drained = {kB};
    board.apply({one}, {}, {});
    EXPECT_EQ(used(board), std::set{kA});
    EXPECT_EQ(board.living(one), (std::set{kA, kB}));
    board.answered(target(kB), false);
    EXPECT_EQ(board.living(one), std::set{kA});
}

TEST(ServiceBoard, OneQuestionSpeaksForAllPortsThatAreAskedAlike) {
    ServiceBoard board;
    const OpenPort other{kVip, Transport::kUdp, 853};
    board.apply({service(), service(other)}, {}, {});
    EXPECT_EQ(board.ports_of(target(kA)).size(), 2U);
    board.answered(target(kA), false);
    EXPECT_EQ(used(board, other), std::set{kB});
}

TEST(ServiceBoard, RestartDoesNotBringTheDeadBack) {
    ServiceBoard board;
    InstalledServices installed;
    installed.slots[kPort] = {kA, kA};
    board.apply({service()}, installed, {});
    EXPECT_EQ(used(board), std::set{kA});
    board.answered(target(kB), true);
    EXPECT_EQ(used(board), (std::set{kA, kB}));
    ServiceBoard after_nothing;
    installed.slots.clear();
    after_nothing.apply({service()}, installed, {});
    EXPECT_EQ(used(after_nothing), (std::set{kA, kB}));
}

TEST(ServiceBoard, FindsThePortAndTheRange) {
    ServiceBoard board;
    BalancedService range = service({kVip, Transport::kUdp, 8000});
    range.balancing.last_port = 8010;
    board.apply({service(), range}, {}, {});
    const auto name_of = [&](Transport transport, std::uint16_t port) {
        const BalancedService* found = board.find({kVip, transport, port});
        return found == nullptr ? 0 : found->port.port;
    };
    EXPECT_EQ(name_of(Transport::kUdp, 53), 53);
    EXPECT_EQ(name_of(Transport::kUdp, 8005), 8000);
    EXPECT_EQ(name_of(Transport::kUdp, 8011), 0);
    EXPECT_EQ(name_of(Transport::kTcp, 53), 0);
}

}  // namespace
}  // namespace hearth::lb
