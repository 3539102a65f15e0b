#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/core/overrides.h"
#include "dns/core/snapshot.h"
#include "dns/io/blocklist_file.h"
#include "dns/io/neighbour_table.h"

// Who gets which policy, at this moment.
namespace hearth::dns {

// Of all neighbours those that a group or an override names by hardware address: the others come
// and go without a word.
[[nodiscard]] Neighbours named_neighbours(const config::Document& document,
                                          const std::vector<Override>& overrides, Neighbours all);

// What decides about it besides the document; whenever one of these changes, policies may.
struct HouseMoment {
    std::int64_t wall_s = 0;
    Neighbours neighbours;                                    // named_neighbours()
    std::map<std::string, std::vector<IpPrefix>> interfaces;  // their networks
    std::vector<Override> overrides;                          // that hold now
};

[[nodiscard]] std::shared_ptr<const NameRules> rules_of(const std::vector<config::NameRule>& rules);
[[nodiscard]] BlockStyle style_of(config::BlockAnswer answer);

// One bit for each schedule of the document that is active: publish again when it changes.
[[nodiscard]] std::vector<bool> active_schedules(const config::Document& document,
                                                 std::int64_t wall_s);

// The policies of the document's groups into a snapshot that has the default one, without lists;
// their upstreams are appended to snapshot.groups.
void add_group_policies(Snapshot& snapshot, const config::Document& document);

// What the moment adds to a snapshot of the document that has its names: schedules, overrides, and
// which address belongs to which group. At most kMostGroups policies; the overrides for clients
// that are too many are returned.
std::vector<Override> apply_moment(Snapshot& snapshot, const config::Document& document,
                                   const HouseMoment& moment);

// Lists into every policy; those that a group or the document does not name are left out.
void use_image(Snapshot& snapshot, const config::Document& document,
               const std::shared_ptr<const BlockLists>& image);

// "10.0.0.60", "10.0.0.0/24", "aa:bb:cc:dd:ee:ff" or a name: the addresses it stands for now.
[[nodiscard]] std::vector<IpAddress> addresses_of(const Snapshot& snapshot,
                                                  const HouseMoment& moment,
                                                  std::string_view client);

}  // namespace hearth::dns
