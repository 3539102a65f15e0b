#include "config/check.h"

namespace hearth::config {

void complete(Document& document) {
    for (Vip& vip : document.vips) {
        if (vip.prefer.empty()) {
            for (const Node& node : document.nodes) vip.prefer.push_back(node.name);
        }
        const auto last = vip.address.bytes().back();
        if (vip.vrid == 0) vip.vrid = last == 0 ? 255 : last;
    }
}

void check_network(CheckContext&) {}
void check_names(CheckContext&) {}
void check_dns(CheckContext&) {}
void check_ports(CheckContext&) {}
void check_services(CheckContext&) {}

}  // namespace hearth::config
