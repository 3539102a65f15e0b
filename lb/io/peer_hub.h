#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "lb/core/peer_codec.h"
#include "lb/io/peer_tls.h"
#include "lb/model/node_report.h"
#include "lb/model/peer_order.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

struct PeerNode {
    std::string name;
    IpAddress address;

    friend bool operator==(const PeerNode&, const PeerNode&) = default;
};

struct PeerSettings {
    PeerNode self;
    std::vector<PeerNode> others;
    std::uint16_t port = 7531;
    PeerKey key{};

    friend bool operator==(const PeerSettings&, const PeerSettings&) = default;
};

struct PeerView {
    PeerNode node;
    std::optional<NodeReport> report;  // the last one; none when not connected
    std::string trouble;               // why it is not connected
};

// The connections to the other nodes' hearth-lb: one each, dialled by the lower address. They carry
// reports, and a hint: when one breaks without farewell and nothing listens at the node any more,
// its hearth-lb has died. VRRP alone still decides when they are down.
//
// Used and destroyed on the loop's thread.
class PeerHub {
public:
    PeerHub(runtime::EventLoop& loop, runtime::Problems& problems,
            std::function<void(IpAddress node)> on_vanished);
    ~PeerHub();

    // Without settings (no key, or no other node) every connection ends.
    void apply(const std::optional<PeerSettings>& settings);
    // What the others should know; sent now and whenever a connection opens.
    void publish(const NodeReport& report);
    // False when that node is not connected.
    bool order(std::string_view node, const PeerOrder& order);
    void on_order(std::function<void(const PeerOrder&)> obey);
    // What there is besides reports: a connection that opened, and messages for PeerRelay. Set
    // before apply().
    struct Relay {
        std::function<void(const std::string& node)> connected;
        std::function<void(const std::string& node, const PeerMessage& message)> received;
    };
    void set_relay(Relay relay);
    // False when there is no connection to that node.
    bool send(const std::string& node, const PeerMessage& message);
    // Says farewell and closes.
    void stop();

    [[nodiscard]] std::vector<PeerView> view() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
