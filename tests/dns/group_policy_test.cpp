#include "dns/core/safe_search.h"
#include "tests/dns/pipeline_fixture.h"

namespace hearth::dns::test {
namespace {

std::shared_ptr<const NameRules> rules(std::string_view name) {
    const auto made = std::make_shared<NameRules>();
    made->add(*Name::parse(name), RuleReach::kNameAndBelow);
    return made;
}

class GroupPolicyTest : public PipelineTest {
protected:
    GroupPolicyTest() {
        BlockPolicy kids = snapshot.blocking;
        kids.group = "kids";
        kids.layers.push_back(
            {RuleAction::kDeny, rules("games.example"), "blocking.groups.kids.deny", "kids", {}});
        const auto safe = std::make_shared<SafeSearch>();
        safe->add(SafeEngine::kGoogle);
        kids.safe_search = safe;
        snapshot.group_policies.push_back(kids);
        const auto grouping = std::make_shared<ClientGroups>();
        grouping->add(kid.address, ClientRank::kAddress, 1);
        snapshot.grouping = grouping;
        ++snapshot.generation;
    }

    Seen ask_as(const Endpoint& who, std::string_view name_asked) {
        client = who;
        Ask question;
        question.name = name_asked;
        return query(question);
    }

    const Endpoint kid{IpAddress::v4(10, 0, 0, 77), 4000};
    const Endpoint adult{IpAddress::v4(10, 0, 0, 50), 4000};
};

TEST_F(GroupPolicyTest, WhatOneGroupMayNotSeeAnotherDoes) {
    EXPECT_FALSE(ask_as(adult, "www.games.example").valid);
    ASSERT_EQ(sent.size(), 1U);
    answer(sent.back(), {.answers = {"www.games.example. 60 IN A 192.0.2.1"}});
    EXPECT_TRUE(ask_as(adult, "www.games.example").valid) << "from the cache";
    for (int i = 0; i < 2; ++i) {  // made, then kept
        const Seen blocked = ask_as(kid, "www.games.example");
        ASSERT_TRUE(blocked.valid);
        EXPECT_EQ(blocked.ede, 17);
    }
    EXPECT_TRUE(ask_as(adult, "www.games.example").valid);
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(GroupPolicyTest, OneEntryServesAllGroupsThatMaySeeIt) {
    (void)ask_as(adult, "news.example");
    answer(sent.back(), {.answers = {"news.example. 60 IN A 192.0.2.1"}});
    EXPECT_TRUE(ask_as(kid, "news.example").valid);
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(pipeline.cache().size(), 1U);
}

TEST_F(GroupPolicyTest, SafeSearchAsksForTheSafeName) {
    EXPECT_FALSE(ask_as(kid, "www.google.com").valid);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(see(sent.back().packet).question, "forcesafesearch.google.com. A");
    answer(sent.back(), {.answers = {"forcesafesearch.google.com. 60 IN A 192.0.2.5"}});
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_TRUE(reply().valid) << "told at once";
    EXPECT_TRUE(ask_as(kid, "www.google.com").valid) << "and from the cache";
    EXPECT_FALSE(ask_as(adult, "www.google.com").valid);
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(see(sent.back().packet).question, "www.google.com. A");
}

}  // namespace
}  // namespace hearth::dns::test
