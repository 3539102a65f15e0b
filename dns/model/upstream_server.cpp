#include "dns/model/upstream_server.h"

namespace hearth::dns {

std::string UpstreamServer::to_string() const {
    const std::string name = host.empty() ? "" : "#" + host;
    switch (protocol) {
        case UpstreamProtocol::kUdp: break;
        case UpstreamProtocol::kTcp: return "tcp://" + endpoint.to_string();
        case UpstreamProtocol::kTls: return "tls://" + endpoint.to_string() + name;
        case UpstreamProtocol::kHttps: return "https://" + endpoint.to_string() + path + name;
        case UpstreamProtocol::kRecursive: return "recursive";
        case UpstreamProtocol::kValidator: return "validator";
    }
    return endpoint.to_string();
}

}  // namespace hearth::dns
