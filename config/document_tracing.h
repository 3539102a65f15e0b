#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"

// What the document says of traces; part of config/document.h.
namespace hearth::config {

// Where spans are sent: an OTLP collector that takes JSON over HTTP.
struct Collector {
    std::string text;  // as written
    std::string host;  // to be resolved when `address` is empty
    std::optional<IpAddress> address;
    std::uint16_t port = 4318;
    std::string path = "/v1/traces";
    bool is_https = false;
};

// Requests as parts of traces (W3C Trace Context).
struct Tracing {
    unsigned sample = 10'000;             // of the traces that begin here, in ten thousandths
    std::vector<IpPrefix> continue_from;  // besides trusted proxies: their traces go on
    std::optional<Collector> otlp;        // none: spans are not kept
    std::string
        ca_file;  // who vouches for an https collector: PEM; empty: the system's authorities
};

}  // namespace hearth::config
