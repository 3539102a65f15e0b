#pragma once

#include "config/field.h"

namespace hearth::config {

// The root of all tables.
[[nodiscard]] const Section<Document>& document_section();

// The tables that the root refers to, by the file they are written in.
[[nodiscard]] const Section<Node>& node_section();
[[nodiscard]] const Section<Vip>& vip_section();
[[nodiscard]] const Section<Peers>& peers_section();
[[nodiscard]] const Section<Dns>& dns_section();
[[nodiscard]] const Section<Blocking>& blocking_section();
[[nodiscard]] const Section<Proxy>& proxy_section();
[[nodiscard]] const Section<Service>& service_section();

}  // namespace hearth::config
