#include "dns/bind/house_policy.h"

#include "dns/bind/upstream_groups.h"

#include <algorithm>
#include <set>
#include <utility>

#include "config/blockable_services.h"
#include "dns/core/safe_search.h"
#include "dns/core/week_times.h"
#include "dns/io/time_zone.h"

namespace hearth::dns {
namespace {

std::shared_ptr<const NameRules> one_rule(const Name& name) {
    const auto result = std::make_shared<NameRules>();
    result->add(name, RuleReach::kNameAndBelow);
    return result;
}

void add_layer(BlockPolicy& policy, RuleAction action, std::shared_ptr<const NameRules> rules,
               std::string place, std::string text) {
    if (rules->empty()) return;
    policy.layers.push_back({action, std::move(rules), std::move(place), std::move(text), {}, {}});
}

// The names of a service. Made once: a reload, a schedule or another group shares them.
std::shared_ptr<const NameRules> rules_of_service(std::size_t service) {
    static const auto all = [] {
        std::vector<std::shared_ptr<const NameRules>> made;
        for (const auto& one : config::blockable_services()) {
            const auto rules = std::make_shared<NameRules>();
            for (std::string_view left = one.domains; !left.empty();) {
                const std::size_t end = std::min(left.find(' '), left.size());
                rules->add(*Name::parse(left.substr(0, end)), RuleReach::kNameAndBelow);
                left.remove_prefix(std::min(end + 1, left.size()));
            }
            made.push_back(rules);
        }
        return made;
    }();
    return all[service];
}

RuleLayer layer_of_service(std::size_t service, const std::string& place, std::string_view why) {
    const std::string name(config::blockable_services()[service].name);
    return {RuleAction::kDeny,
            rules_of_service(service),
            place,
            std::string(why) + ": " + name,
            {},
            name};
}

// The document's own allow goes before the services that are blocked for everybody.
std::vector<RuleLayer> layers_for_all(const BlockPolicy& policy, const config::Blocking& blocking) {
    std::vector<RuleLayer> layers;
    if (blocking.block.empty()) return layers;
    if (policy.allow && !policy.allow->empty())
        layers.push_back({RuleAction::kAllow, policy.allow, "blocking.allow", {}, {}, {}});
    for (const std::size_t service : blocking.block)
        layers.push_back(layer_of_service(service, "blocking.block", "Filtered for everybody"));
    return layers;
}

void add_engine(SafeSearch& safe, config::SearchEngine engine) {
    using config::SearchEngine;
    switch (engine) {
        case SearchEngine::kAll:
            for (const auto one : {SafeEngine::kGoogle, SafeEngine::kYoutube, SafeEngine::kBing,
                                   SafeEngine::kDuckDuckGo, SafeEngine::kBrave, SafeEngine::kEcosia,
                                   SafeEngine::kPixabay, SafeEngine::kYandex})
                safe.add(one);
            return;
        case SearchEngine::kGoogle: return safe.add(SafeEngine::kGoogle);
        case SearchEngine::kYoutube: return safe.add(SafeEngine::kYoutube);
        case SearchEngine::kYoutubeModerate: return safe.add(SafeEngine::kYoutubeModerate);
        case SearchEngine::kBing: return safe.add(SafeEngine::kBing);
        case SearchEngine::kDuckDuckGo: return safe.add(SafeEngine::kDuckDuckGo);
        case SearchEngine::kBrave: return safe.add(SafeEngine::kBrave);
        case SearchEngine::kEcosia: return safe.add(SafeEngine::kEcosia);
        case SearchEngine::kPixabay: return safe.add(SafeEngine::kPixabay);
        case SearchEngine::kYandex: return safe.add(SafeEngine::kYandex);
    }
}

BlockPolicy policy_of(const Snapshot& snapshot, const config::ClientGroup& group) {
    BlockPolicy policy = snapshot.blocking;
    const auto for_all = std::exchange(policy.layers, {});
    policy.group = group.name;
    const std::string place = "blocking.groups." + group.name;
    add_layer(policy, RuleAction::kAllow, rules_of(group.allow), place + ".allow", {});
    add_layer(policy, RuleAction::kDeny, rules_of(group.deny), place + ".deny",
              "Filtered for group " + group.name);
    for (const std::size_t service : group.block)
        policy.layers.push_back(
            layer_of_service(service, place + ".block", "Filtered for group " + group.name));
    policy.layers.insert(policy.layers.end(), for_all.begin(), for_all.end());
    if (group.answer) {
        policy.style = style_of(*group.answer);
        policy.address = group.answer_address;
    }
    if (!group.safe_search.empty()) {
        const auto safe = std::make_shared<SafeSearch>();
        for (const auto engine : group.safe_search) add_engine(*safe, engine);
        policy.safe_search = safe;
    }
    return policy;
}

bool is_active(const config::ClientGroup& group, const config::Schedule& schedule,
               std::int64_t wall_s) {
    WeekTimes times;
    times.days = schedule.days;
    for (const auto& time : schedule.times) times.spans.push_back({time.from, time.until});
    return times.contains(local_minute(wall_s, zone_offset_s(group.time_zone, wall_s)));
}

void switch_off(BlockPolicy& policy, std::string place) {
    policy.enabled = false;
    policy.off_by = std::move(place);
}

void apply_schedule(BlockPolicy& policy, const config::ClientGroup& group,
                    const config::Schedule& schedule) {
    const std::string place = "blocking.groups." + group.name + ".schedule";
    const std::string text = "Not at this time for group " + group.name;
    std::vector<RuleLayer> layers;
    const auto deny = [&](std::shared_ptr<const NameRules> rules) {
        if (!rules->empty())
            layers.push_back({RuleAction::kDeny, std::move(rules), place, text, {}, {}});
    };
    switch (schedule.effect) {
        case config::ScheduleEffect::kPause: return switch_off(policy, place);
        case config::ScheduleEffect::kOffline: deny(one_rule(Name{})); break;
        case config::ScheduleEffect::kDeny: deny(rules_of(schedule.deny)); break;
    }
    for (const std::size_t service : schedule.block)
        layers.push_back(layer_of_service(service, place, text));
    policy.layers.insert(policy.layers.begin(), layers.begin(), layers.end());
}

void apply_schedules(Snapshot& snapshot, const config::Document& document, std::int64_t wall_s) {
    const auto& groups = document.blocking.groups;
    for (std::size_t i = 0; i < groups.size(); ++i)
        for (const auto& schedule : groups[i].schedule)
            if (is_active(groups[i], schedule, wall_s))
                apply_schedule(snapshot.group_policies[i], groups[i], schedule);
}

std::vector<IpAddress> addresses_of_name(const Snapshot& snapshot, std::string_view text) {
    const auto whole = Name::parse(text);
    if (!whole || !snapshot.zones) return {};
    const LocalNode* node = snapshot.zones->node_of(*whole);
    if (const auto under = snapshot.domain.child(text); node == nullptr && under)
        node = snapshot.zones->node_of(*under);
    return node == nullptr ? std::vector<IpAddress>{} : node->addresses();
}

std::vector<IpAddress> addresses_of_mac(const HouseMoment& moment, const MacAddress& mac) {
    const auto found = moment.neighbours.find(mac);
    return found == moment.neighbours.end() ? std::vector<IpAddress>{} : found->second;
}

void add_clients(ClientGroups& grouping, const Snapshot& snapshot, const config::ClientGroup& group,
                 const HouseMoment& moment, GroupIndex index) {
    using Kind = config::ClientMatch::Kind;
    for (const auto& client : group.clients) {
        switch (client.kind) {
            case Kind::kAddress:
                grouping.add(client.network.address(), ClientRank::kAddress, index);
                break;
            case Kind::kNetwork: grouping.add(client.network, ClientRank::kNetwork, index); break;
            case Kind::kMac:
                for (const auto& address : addresses_of_mac(moment, client.mac))
                    grouping.add(address, ClientRank::kMac, index);
                break;
            case Kind::kName:
                for (const auto& address : addresses_of_name(snapshot, client.name))
                    grouping.add(address, ClientRank::kName, index);
                break;
        }
    }
    for (const std::string& interface : group.interfaces)
        if (const auto found = moment.interfaces.find(interface); found != moment.interfaces.end())
            for (const IpPrefix& network : found->second)
                grouping.add(network, ClientRank::kInterface, index);
}

RuleLayer layer_of(const Override& said) {
    const bool allows = said.kind == Override::Kind::kAllow;
    return {allows ? RuleAction::kAllow : RuleAction::kDeny,
            one_rule(said.name),
            allows ? "hearth allow" : "hearth deny",
            "Filtered by `hearth deny`",
            said.client,
            {}};
}

void put_first(BlockPolicy& policy, const Override& said) {
    policy.layers.insert(policy.layers.begin(), layer_of(said));
}

BlockPolicy* policy_named(Snapshot& snapshot, std::string_view group) {
    for (BlockPolicy& policy : snapshot.group_policies)
        if (policy.group == group) return &policy;
    return nullptr;
}

// A client with an override of its own is a group of its own: its group's policy and one rule more.
bool apply_for_client(Snapshot& snapshot, ClientGroups& grouping, const HouseMoment& moment,
                      const Override& said) {
    for (const IpAddress& address : addresses_of(snapshot, moment, said.client)) {
        const GroupIndex before = grouping.of(address);
        if (before > snapshot.group_policies.size()) continue;
        BlockPolicy policy = snapshot.policy(before);
        const std::string own = "client " + address.to_string();
        if (BlockPolicy* made = policy_named(snapshot, own)) {
            put_first(*made, said);
            continue;
        }
        if (snapshot.group_policies.size() + 1 >= kMostGroups) return false;
        policy.group = own;
        put_first(policy, said);
        snapshot.group_policies.push_back(std::move(policy));
        grouping.put(address, static_cast<GroupIndex>(snapshot.group_policies.size()));
    }
    return true;
}

ListMask mask_for(const config::Document& document, const BlockLists& image,
                  const std::vector<std::string>* wanted) {
    ListMask active = 0;
    const auto& listed = image.set.lists();
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const bool is_known =
            std::any_of(document.blocking.lists.begin(), document.blocking.lists.end(),
                        [&](const config::BlockList& list) { return list.name == listed[i].name; });
        const bool is_wanted =
            !wanted || std::find(wanted->begin(), wanted->end(), listed[i].name) != wanted->end();
        if (is_known && is_wanted) active |= ListMask{1} << i;
    }
    return active;
}

}  // namespace

std::shared_ptr<const NameRules> rules_of(const std::vector<config::NameRule>& rules) {
    const auto result = std::make_shared<NameRules>();
    for (const auto& rule : rules)
        result->add(rule.name, rule.only_below ? RuleReach::kBelowOnly : RuleReach::kNameAndBelow);
    return result;
}

BlockStyle style_of(config::BlockAnswer answer) {
    switch (answer) {
        case config::BlockAnswer::kZero: return BlockStyle::kZero;
        case config::BlockAnswer::kNxdomain: return BlockStyle::kNxDomain;
        case config::BlockAnswer::kNodata: return BlockStyle::kNoData;
        case config::BlockAnswer::kRefused: return BlockStyle::kRefused;
        case config::BlockAnswer::kAddress: return BlockStyle::kAddress;
    }
    return BlockStyle::kZero;
}

std::vector<bool> active_schedules(const config::Document& document, std::int64_t wall_s) {
    std::vector<bool> active;
    for (const auto& group : document.blocking.groups)
        for (const auto& schedule : group.schedule)
            active.push_back(is_active(group, schedule, wall_s));
    return active;
}

void add_group_policies(Snapshot& snapshot, const config::Document& document) {
    snapshot.blocking.layers = layers_for_all(snapshot.blocking, document.blocking);
    for (const auto& group : document.blocking.groups) {
        BlockPolicy policy = policy_of(snapshot, group);
        if (!group.upstreams.empty()) {
            policy.upstreams = static_cast<std::uint16_t>(snapshot.groups.size());
            snapshot.groups.push_back(public_group_of(group.upstreams, document.dns));
        }
        snapshot.group_policies.push_back(std::move(policy));
    }
}

std::vector<IpAddress> addresses_of(const Snapshot& snapshot, const HouseMoment& moment,
                                    std::string_view client) {
    if (const auto address = IpAddress::parse(client)) return {*address};
    if (const auto mac = MacAddress::parse(client)) return addresses_of_mac(moment, *mac);
    return addresses_of_name(snapshot, client);
}

Neighbours named_neighbours(const config::Document& document,
                            const std::vector<Override>& overrides, Neighbours all) {
    std::set<MacAddress> named;
    for (const auto& group : document.blocking.groups)
        for (const auto& client : group.clients)
            if (client.kind == config::ClientMatch::Kind::kMac) named.insert(client.mac);
    for (const Override& said : overrides)
        if (const auto mac = MacAddress::parse(said.client)) named.insert(*mac);
    std::erase_if(all, [&named](const auto& entry) { return !named.contains(entry.first); });
    return all;
}

std::vector<Override> apply_moment(Snapshot& snapshot, const config::Document& document,
                                   const HouseMoment& moment) {
    apply_schedules(snapshot, document, moment.wall_s);
    const auto grouping = std::make_shared<ClientGroups>();
    const auto& groups = document.blocking.groups;
    for (std::size_t i = 0; i < groups.size(); ++i)
        add_clients(*grouping, snapshot, groups[i], moment, static_cast<GroupIndex>(i + 1));

    std::vector<Override> too_many;
    const auto each_policy = [&snapshot](auto change) {
        change(snapshot.blocking);
        for (BlockPolicy& policy : snapshot.group_policies) change(policy);
    };
    for (const Override& said : moment.overrides) {
        if (said.kind == Override::Kind::kPause) {
            each_policy([](BlockPolicy& policy) { switch_off(policy, "hearth blocking off"); });
        } else if (said.client.empty()) {
            each_policy([&said](BlockPolicy& policy) { put_first(policy, said); });
        }
    }
    // What was said of a group, and then of a client, goes before what was said of everybody.
    for (const Override& said : moment.overrides)
        if (BlockPolicy* policy =
                said.client.empty() ? nullptr : policy_named(snapshot, said.client))
            put_first(*policy, said);
    for (const Override& said : moment.overrides) {
        if (said.client.empty() || document.blocking.find_group(said.client) != nullptr) continue;
        if (!apply_for_client(snapshot, *grouping, moment, said)) too_many.push_back(said);
    }
    snapshot.grouping = grouping->empty() ? nullptr : grouping;
    return too_many;
}

void use_image(Snapshot& snapshot, const config::Document& document,
               const std::shared_ptr<const BlockLists>& image) {
    const auto texts = std::make_shared<std::vector<std::string>>();
    if (image)
        for (const auto& list : image->set.lists())
            texts->push_back("Blocked by list " + std::string(list.name));
    const auto use = [&](BlockPolicy& policy, const std::vector<std::string>* wanted) {
        policy.lists = image;
        policy.list_texts = texts;
        if (image) policy.active_lists = mask_for(document, *image, wanted);
    };
    use(snapshot.blocking, nullptr);
    const auto& groups = document.blocking.groups;
    for (std::size_t i = 0; i < groups.size(); ++i)
        use(snapshot.group_policies[i], groups[i].lists ? &*groups[i].lists : nullptr);
}

}  // namespace hearth::dns
