#pragma once

#include <boost/json/fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "config/document.h"
#include "lb/io/service_driver.h"
#include "lb/model/balanced_service.h"

namespace hearth::runtime {
class EventHub;
class MetricSink;
}  // namespace hearth::runtime

// Services on ports: from the document to hearth-lb's cores, and how they show themselves.
namespace hearth::lb {

// Those on `vips`, as the node at `self` serves them: on every candidate and not on the owner
// alone, so that the next owner has nothing to do first.
[[nodiscard]] std::vector<BalancedService> make_services(const config::Document& document,
                                                         const std::set<IpAddress>& vips,
                                                         const config::Node& self);

// "tcp/1883", "udp/8000-8010"
[[nodiscard]] std::string port_text(const BalancedService& service);
// How many ports there are, and how they do: what is asked every second must not grow with them.
[[nodiscard]] boost::json::object services_summary(const ServiceBoard& board);
// Each port, who answers there, how they are, and how many connections they got from here. Of the
// service `name`, or of all when it is empty.
[[nodiscard]] boost::json::array services_json(const ServiceBoard& board, const BackendHits& hits,
                                               std::string_view name);
// In microseconds.
[[nodiscard]] boost::json::object timings_json(const ServiceTimings& timings);
void write_service_metrics(runtime::MetricSink& sink, const ServiceBoard& board,
                           const BackendHits& hits);
// Logged, and sent as events of topic "services".
void publish_backend(runtime::EventHub& events, const BackendReport& report);

}  // namespace hearth::lb
