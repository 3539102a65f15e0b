#include <algorithm>

#include "config/check.h"

namespace hearth::config {
namespace {

// The address of a host name under the domain that is a node or an address record.
std::optional<IpAddress> local_address(const Document& document, const Name& name) {
    for (const Node& node : document.nodes) {
        if (document.domain.child(node.name) == name) return node.address;
    }
    for (const LocalRecord& record : document.dns.records) {
        const auto* addresses = std::get_if<std::vector<IpAddress>>(&record.value);
        if (record.name == name && addresses != nullptr) return addresses->front();
    }
    return std::nullopt;
}

}  // namespace

void complete(Document& document) {
    for (Vip& vip : document.vips) {
        if (vip.prefer.empty()) {
            for (const Node& node : document.nodes) vip.prefer.push_back(node.name);
        }
        const auto last = vip.address.bytes().back();
        if (vip.vrid == 0) vip.vrid = last == 0 ? 255 : last;
    }
    for (Service& service : document.services) {
        for (HttpUpstream& upstream : service.upstreams) {
            if (upstream.address) continue;
            if (const auto name = Name::parse(upstream.host))
                upstream.address = local_address(document, *name);
        }
    }
}

}  // namespace hearth::config
