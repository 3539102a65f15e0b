#include "config/sections_track.h"

#include "config/codec.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

// Every node reads the same document and asks itself: what another machine answers would say
// nothing about the node.
Codec<std::optional<Track::Port>> own_port() {
    using Port = std::optional<Track::Port>;
    const auto parse = [](const Value& value) -> Parsed<Port> {
        if (const auto number = parse_port(value.text)) return Track::Port{std::nullopt, *number};
        const auto endpoint = Endpoint::parse(value.text);
        if (!endpoint || endpoint->port == 0)
            return fault(value.text + " is neither a port nor an address of loopback and a port");
        const std::string port = std::to_string(endpoint->port);
        if (!endpoint->address.is_loopback())
            return fault("each node asks itself, and " + endpoint->address.to_string() +
                         " is not an address of every node: write " + port +
                         " for the node's own address, or 127.0.0.1:" + port);
        return Track::Port{endpoint->address, endpoint->port};
    };
    return scalar<Port>("port, or 127.0.0.1:PORT", R"({"type":["string","integer"]})", parse);
}

bool finish_track(const Value& value, Span key_span, void* target, ReadContext& context) {
    const auto& track = *static_cast<const Track*>(target);
    const Span place = value.entries.empty() ? key_span : value.entries.front().key_span;
    const int named = !track.interface.empty() + !track.script.empty() + track.tcp.has_value();
    if (named != 1) {
        context.diagnostics.error(place,
                                  "track an interface, a script or a TCP port: {interface: wan0}");
        return false;
    }
    for (const char* key : {"every", "timeout", "rise", "fall"}) {
        if (!track.is_asked() && value.find(key) != nullptr) {
            context.diagnostics.error(value.find(key)->key_span,
                                      std::string(key) + " is for scripts and TCP ports");
            return false;
        }
    }
    return true;
}

}  // namespace

const Section<Track>& track_section() {
    static const Section<Track> table{{
        "vips.NAME.track[]",
        "Something that makes a node a worse owner while it is missing.",
        "",
        {
            field("interface", &Track::interface, interface_name(),
                  "A network interface that must be there and have a carrier.", "wan0",
                  Presence::kOptional, "(a script or tcp)"),
            field("script", &Track::script, program(),
                  "A program that must end with 0. It runs without any privilege, as nobody when "
                  "hearth-lb was started by root.",
                  "/usr/local/bin/reaches-the-internet", Presence::kOptional,
                  "(an interface or tcp)"),
            field("tcp", &Track::tcp, own_port(),
                  "A port that must take connections at the node's own address, or at one of "
                  "loopback.",
                  "1883", Presence::kOptional, "(an interface or a script)"),
            field("every", &Track::every, duration<std::chrono::milliseconds>(100ms, 1h),
                  "How often the script runs, or the port is tried.", "2s"),
            field("timeout", &Track::timeout, duration<std::chrono::milliseconds>(10ms, 60s),
                  "What takes longer has failed; a script is killed.", "1s"),
            field("rise", &Track::rise, integer<unsigned>(1, 100),
                  "So many good ends in a row make it good again.", "2"),
            field("fall", &Track::fall, integer<unsigned>(1, 100),
                  "So many bad ends in a row make it bad.", "3"),
            field("lower_by", &Track::lower_by, integer<unsigned>(1, 253),
                  "How much priority the node loses meanwhile. Nodes have 200, 190, 180 and so on "
                  "in the order of `prefer`; one that falls below 116 is relieved at once, "
                  "otherwise a better one comes after preempt_delay.",
                  "20"),
        },
        finish_track,
    }};
    return table;
}

}  // namespace hearth::config
