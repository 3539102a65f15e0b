#include <algorithm>
#include <map>
#include <string>

#include "config/completion.h"
#include "config/sha256.h"

// Which node a VIP is at when nobody says: rendezvous hashing with a bound, so that every node has
// its share and few VIPs move when one is added.
namespace hearth::config {
namespace {

std::string draw(const std::string& unit, const std::string& node) {
    Sha256 hash;
    hash.update(unit);
    hash.update(" ");
    hash.update(node);
    return hash.finish();
}

// VIPs that move together are one thing to place.
std::string unit_of(const Vip& vip) {
    if (!vip.sync_group.empty()) return "group " + vip.sync_group;
    return vip.vrid != 0 ? "vrid " + std::to_string(vip.vrid) : "vip " + vip.name;
}

struct Unit {
    std::vector<std::string> nodes;  // best first
    bool is_spread = false;
};

void rank(const std::string& name, Unit& unit, const std::map<std::string, std::size_t>& load,
          std::size_t most) {
    std::ranges::sort(unit.nodes, std::ranges::greater{},
                      [&](const std::string& node) { return draw(name, node); });
    const auto load_of = [&](const std::string& node) {
        const auto found = load.find(node);
        return found == load.end() ? 0 : found->second;
    };
    auto best = std::ranges::find_if(unit.nodes,
                                     [&](const std::string& node) { return load_of(node) < most; });
    if (best == unit.nodes.end()) best = std::ranges::min_element(unit.nodes, {}, load_of);
    std::rotate(unit.nodes.begin(), best, best + 1);
}

}  // namespace

void spread_vips(Document& document) {
    std::map<std::string, Unit> units;
    for (const Vip& vip : document.vips)
        units.try_emplace(unit_of(vip), Unit{vip.prefer, vip.spread});
    std::map<std::string, std::size_t> load;
    std::map<std::string, std::string> order;  // of those to be placed: whatever else is added
    for (const auto& [name, unit] : units) {
        if (unit.is_spread)
            order.emplace(draw(name, ""), name);
        else
            ++load[unit.nodes.front()];
    }
    const std::size_t nodes = std::max<std::size_t>(document.nodes.size(), 1);
    const std::size_t most = (units.size() + nodes - 1) / nodes;
    for (const auto& [place, name] : order) {
        Unit& unit = units.at(name);
        rank(name, unit, load, most);
        ++load[unit.nodes.front()];
    }
    for (Vip& vip : document.vips)
        if (vip.spread) vip.prefer = units.at(unit_of(vip)).nodes;
}

}  // namespace hearth::config
