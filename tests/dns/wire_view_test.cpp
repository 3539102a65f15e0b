#include "dns/core/wire_view.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns {
namespace {

using test::Ask;
using test::ask;
using test::Packet;

QueryFault fault_of(const Packet& packet) {
    QueryView view;
    return parse_query(packet, view);
}

TEST(WireView, ReadsAQuestionWithEdns) {
    const Packet packet = ask({.name = "Immich.HOME.", .type = RrType::kAaaa, .dnssec_ok = true});
    QueryView view;
    ASSERT_EQ(parse_query(packet, view), QueryFault::kNone);
    EXPECT_EQ(view.id, 0x1234);
    EXPECT_EQ(view.qname.to_string(), "immich.home");
    EXPECT_EQ(as_text(view.question.subspan(1, 6)), "Immich");
    EXPECT_EQ(view.qtype, RrType::kAaaa);
    EXPECT_EQ(view.qclass, RrClass::kIn);
    EXPECT_TRUE(view.recursion_desired());
    EXPECT_TRUE(view.has_edns);
    EXPECT_TRUE(view.edns.dnssec_ok);
    EXPECT_EQ(view.edns.udp_size, 1232);
}

TEST(WireView, FindsAnOptionAmongUnknownOnes) {
    const Packet options = {0xff, 0x01, 0, 2, 'x', 'y', 0xfd, 0xf3, 0, 3, 1, 2, 3};
    const Packet packet = ask({.name = "a.", .options = options});
    QueryView view;
    ASSERT_EQ(parse_query(packet, view), QueryFault::kNone);
    const auto tag = view.edns.find(EdnsOption::kLoopTag);
    ASSERT_TRUE(tag);
    EXPECT_EQ(tag->size(), 3U);
    EXPECT_FALSE(view.edns.find(EdnsOption::kEde));
}

TEST(WireView, EveryPrefixOfAQuestionIsRefusedAndNoneReadsOutside) {
    const Packet packet = ask({.name = "www.example.", .options = {0, 10, 0, 2, 1, 2}});
    for (std::size_t size = 0; size < packet.size(); ++size) {
        // A copy of exactly that size, so that the sanitizer sees a read past it.
        const Packet prefix(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(fault_of(prefix), size < kHeaderSize ? QueryFault::kDrop : QueryFault::kFormErr)
            << size;
    }
    EXPECT_EQ(fault_of(packet), QueryFault::kNone);
}

TEST(WireView, RefusesWhatIsNoQuestion) {
    Packet packet = ask({.name = "www.example."});
    packet[2] |= 0x80;
    EXPECT_EQ(fault_of(packet), QueryFault::kDrop) << "an answer";
    packet = ask({.name = "www.example."});
    packet[2] |= 0x28;
    EXPECT_EQ(fault_of(packet), QueryFault::kNotImp) << "an update";
    packet = ask({.name = "www.example.", .edns = false});
    packet[5] = 2;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "two questions";
    packet[5] = 0;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "no question";
    packet = ask({.name = "www.example.", .edns = false});
    packet.push_back(0);
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "something behind the message";
    packet = ask({.name = "www.example.", .edns = false});
    packet[12] = 0xc0;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "a compressed question";
    packet[12] = 0x43;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "an extended label type";
}

TEST(WireView, ChecksTheOptRecord) {
    const Packet good = ask({.name = "a.example."});
    const std::size_t opt = good.size() - 11;
    Packet packet = good;
    packet[opt + 6] = 1;
    EXPECT_EQ(fault_of(packet), QueryFault::kBadVers);
    packet = good;
    packet.insert(packet.end(), good.begin() + static_cast<std::ptrdiff_t>(opt), good.end());
    packet[11] = 2;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "two OPT records";
    packet = good;
    packet[9] = 1;
    packet[11] = 0;
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "OPT in the authority section";
    packet = ask({.name = "a.example.", .options = {0, 10, 0, 9, 1, 2}});
    EXPECT_EQ(fault_of(packet), QueryFault::kFormErr) << "an option longer than its record";
}

struct NameCase {
    const char* what;
    Packet bytes;  // behind the header, from offset 12
    std::size_t at;
    const char* name;  // null: refused
};

TEST(WireView, FollowsPointersBackwardsOnly) {
    const NameCase cases[] = {
        {"plain", {1, 'a', 0}, 12, "a"},
        {"root", {0}, 12, "."},
        {"pointer", {1, 'A', 0, 1, 'b', 0xc0, 12}, 15, "b.a"},
        {"chain of pointers", {1, 'a', 0, 0xc0, 12, 0xc0, 15}, 17, "a"},
        {"to itself", {0xc0, 12}, 12, nullptr},
        {"forward", {0xc0, 14, 0}, 12, nullptr},
        {"loop of two", {0xc0, 14, 0xc0, 12}, 14, nullptr},
        {"loop through a label", {1, 'a', 0xc0, 12}, 12, nullptr},
        {"into the header", {0xc0, 11}, 12, nullptr},
        {"outside", {0xc0, 0xff}, 12, nullptr},
        {"cut pointer", {1, 'a', 0xc0}, 12, nullptr},
        {"cut label", {3, 'a'}, 12, nullptr},
        {"no end", {1, 'a'}, 12, nullptr},
        {"extended label", {0x41, 'a', 0}, 12, nullptr},
    };
    for (const auto& [what, bytes, at, expected] : cases) {
        Packet packet(kHeaderSize);
        packet.insert(packet.end(), bytes.begin(), bytes.end());
        std::size_t offset = at;
        const auto name = read_name(packet, offset);
        ASSERT_EQ(name.has_value(), expected != nullptr) << what;
        if (name) {
            EXPECT_EQ(name->to_string(), expected) << what;
            EXPECT_LE(offset, packet.size()) << what;
        }
    }
}

TEST(WireView, RefusesNamesLongerThan255OctetsMadeByPointers) {
    Packet packet(kHeaderSize);
    for (int i = 0; i < 3; ++i) {
        packet.push_back(63);
        packet.insert(packet.end(), 63, 'a');
    }
    packet.push_back(0);
    const std::size_t second = packet.size();
    packet.push_back(62);
    packet.insert(packet.end(), 62, 'b');
    packet.push_back(0xc0);
    packet.push_back(kHeaderSize);
    std::size_t at = second;
    EXPECT_FALSE(read_name(packet, at));  // 63 + 3 * 64 + 1 = 256
    packet[second] = 61;
    packet.erase(packet.begin() + static_cast<std::ptrdiff_t>(second) + 1);
    at = second;
    const auto name = read_name(packet, at);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->wire().size(), 255U);
    EXPECT_EQ(at, packet.size());
}

}  // namespace
}  // namespace hearth::dns
