#include "config/codec.h"
#include "config/sections.h"
#include "config/sections_middleware.h"
#include "config/sections_pools.h"

// The home itself: domain, network, machines, virtual addresses.
namespace hearth::config {
namespace {

using namespace std::chrono_literals;

Field version_field() {
    TypeInfo type;
    type.name = "1";
    type.schema = R"({"const":1})";
    const auto read = [](const Value& value, Document&, ReadContext& context) {
        if (value.kind == Kind::kScalar && value.text == "1") return true;
        context.diagnostics.error(value.span, "this Hearth reads documents of version 1");
        return false;
    };
    return custom_field<Document>("version", type, "1", read,
                                  "Version of the document's own format.", "1");
}

}  // namespace

namespace {

const Section<Link>& link_section() {
    static const Section<Link> table{{
        "nodes.NAME.links[]",
        "An address of the machine on another network of the home. An address alone is enough.",
        "address",
        {
            required("address", &Link::address, address(), "Inside `lan`.", "10.0.20.11"),
            field("interface", &Link::interface, interface_name(),
                  "The network interface that carries virtual addresses there.", "eth0.20",
                  Presence::kOptional, "(the one that carries `address`)"),
        },
        {},
    }};
    return table;
}

}  // namespace

const Section<Node>& node_section() {
    static const Section<Node> table{{
        "nodes.NAME",
        "A machine that runs Hearth. Its name resolves in the domain. An address alone is enough.",
        "address",
        {
            required("address", &Node::address, address(),
                     "The machine's own address, inside `lan`.", "10.0.0.11"),
            field("interface", &Node::interface, interface_name(),
                  "The network interface that carries virtual addresses.", "eth0",
                  Presence::kOptional, "(the one that carries `address`)"),
            field("links", &Node::links, list_of(section(link_section())),
                  "The machine on other networks of `lan`, by other interfaces or VLANs: VIPs of "
                  "those networks are announced there.",
                  "[10.0.20.11]"),
        },
        {},
    }};
    return table;
}

const Section<Peers>& peers_section() {
    static const Section<Peers> table{{
        "peers",
        "The authenticated connection between the nodes. Make the key with `hearth peer keygen` "
        "and copy it to every node.",
        "",
        {
            field("port", &Peers::port, port(), "TCP port on every node's address.", "7531"),
            field("key_file", &Peers::key_file, path(),
                  "File with the home's 32-octet key, as 64 hexadecimal digits, mode 0600.",
                  "/etc/hearth/peer.key"),
        },
        {},
    }};
    return table;
}

const Section<Document>& document_section() {
    static const Section<Document> table{{
        "",
        "The document describes one home. Every node reads the same.",
        "",
        {
            version_field(),
            field("domain", &Document::domain, domain_name(),
                  "The home's own domain: a service NAME is served as NAME.domain.", "home"),
            required(
                "lan", &Document::lan, list_of(prefix(), kNotEmpty),
                "The home's networks. Clients from here are served; nodes and VIPs are inside.",
                "[10.0.0.0/24]"),
            required("nodes", &Document::nodes, named(node_section(), {1, 64}),
                     "The machines that run Hearth, by name.",
                     "{pi4-1: 10.0.0.11, pi5: 10.0.0.15}"),
            field("pools", &Document::pools, named(pool_section(), {0, 64}),
                  "Addresses for VIPs and services that do not write their own, by name.",
                  "{home: 10.0.0.240/28}"),
            field("vips", &Document::vips, named(vip_section(), {0, 128}),
                  "Virtual addresses, by name.", "{dns: {address: 10.0.0.53}}"),
            field("dns", &Document::dns, section(dns_section()), "The name server.", "{vip: dns}"),
            field("blocking", &Document::blocking, section(blocking_section()),
                  "What is not resolved.", "{answer: zero}"),
            field("proxy", &Document::proxy, section(proxy_section()), "The reverse proxy.",
                  "{vip: proxy}"),
            field("middleware", &Document::middleware, named(middleware_section(), {}),
                  "What requests must pass, by a name that services refer to.",
                  "{lan-only: {allow: [10.0.0.0/24]}}"),
            field("services", &Document::services, named(service_section(), {0, 1000}),
                  "What the home offers, by name. One entry makes the DNS record and the route.",
                  "{immich: \"http://pi5:2283\"}"),
            field("peers", &Document::peers, section(peers_section()),
                  "How the nodes talk to each other.", "{port: 7531}"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
