#include "dns/core/list_rule.h"

#include <algorithm>

#include "dns/core/name_patterns.h"

namespace hearth::dns {
namespace {

bool is_one_of(const std::vector<RuleClient>& clients, const Asker& asker) noexcept {
    const auto is_asker = [&](const RuleClient& client) {
        if (client.network)
            return asker.address != nullptr && client.network->contains(*asker.address);
        return asker.address != nullptr && asker.names != nullptr &&
               asker.names->of(*asker.address) == client.name;
    };
    return std::any_of(clients.begin(), clients.end(), is_asker);
}

bool has(const std::vector<RrType>& types, RrType type) noexcept {
    return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

bool is_about(const FilterRule& rule, const Name& qname) {
    if (rule.pattern.empty()) return covers(rule.rule, qname);
    if (rule.pattern == ".") return true;
    std::vector<std::uint32_t> found;
    NamePatterns({rule.pattern}).match(qname.to_string(), found);
    return !found.empty();
}

bool conditions_hold(const FilterRule& rule, const Name& qname, RrType qtype) noexcept {
    if (!rule.types.empty() && !has(rule.types, qtype)) return false;
    if (has(rule.not_types, qtype)) return false;
    return std::none_of(rule.except.begin(), rule.except.end(),
                        [&](const Name& name) { return qname.is_at_or_under(name); });
}

bool is_about_client(const FilterRule& rule, const Asker& asker) noexcept {
    if (!rule.clients.empty() && !is_one_of(rule.clients, asker)) return false;
    return !is_one_of(rule.not_clients, asker);
}

}  // namespace hearth::dns
