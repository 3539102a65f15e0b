#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "lb/bind/plan.h"
#include "lb/io/lan_driver.h"
#include "lb/io/peer_relay.h"

namespace hearth::runtime {
class EventHub;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

// How hearth-lb shows itself: /status, /metrics, /events and the log.
namespace hearth::lb {

// Every VIP of the document: those this node is a candidate for, and what the peers say of others.
[[nodiscard]] boost::json::array vips_json(const LanView& lan, const Plan& plan,
                                           const std::vector<PeerView>& peers, TimePoint now);

// Every node of the document, as it reported itself.
[[nodiscard]] boost::json::array nodes_json(const Plan& plan, const NodeReport& own,
                                            const std::vector<PeerView>& peers);

// What became of a relayed message: {"nodes":[{"name","status","answer"}]}, status 0 and a reason
// where a node was not reached.
[[nodiscard]] std::string relay_json(const std::vector<RelayOutcome>& outcomes);

void write_metrics(runtime::MetricSink& sink, const LanView& lan, const Plan& plan);

// Problem `vip_conflict` while a stranger uses a VIP.
void show_conflicts(runtime::Problems& problems, const LanView& lan);

// Problem `vip_adverts` while what another router of the document says is not followed, and
// `vip_two_owners` while another node owns what this one owns.
void show_rivals(runtime::Problems& problems, const LanView& lan,
                 const std::vector<PeerView>& peers, TimePoint now);

// Logged, and sent as events of topic "vip".
void publish_transition(runtime::EventHub& events, const TransitionReport& report);
void publish_conflict(runtime::EventHub& events, const ConflictReport& report);

}  // namespace hearth::lb
