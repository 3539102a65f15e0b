#pragma once

#include <boost/json/fwd.hpp>
#include <functional>

#include "certs/bind/authority.h"

namespace hearth::runtime {
class Daemon;
class MetricSink;
}  // namespace hearth::runtime

// What others may ask of the authority, over the control socket.
//
//     GET  /ca                   what it is: for whoever may read the status
//     GET  /ca/export            with its key: for root alone
//     POST /ca/init[?replace=1], /ca/import[?replace=1] (PEM): for root alone
//     GET  /leaves?for=proxy     with their keys: for root and the user hearth-proxy; dns likewise
//     events: topic "leaves"     there are new ones, or another root
namespace hearth::certs {

// `changed` runs when there is another root.
void add_routes(runtime::Daemon& daemon, Authority& authority, std::function<void()> changed);

void describe(const Authority& authority, boost::json::object& status);
void collect(const Authority& authority, runtime::MetricSink& sink);

}  // namespace hearth::certs
