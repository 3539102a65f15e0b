#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lb/io/peer_hub.h"
#include "lb/model/peer_order.h"

namespace hearth::runtime {
class Daemon;
class EventLoop;
struct ControlRequest;
struct ControlResponse;
}  // namespace hearth::runtime

namespace hearth::lb {

class LanDriver;
struct Plan;

// Moves that people plan: `POST /vips/move?vip=&node=`, `POST /node/drain?node=` and
// `POST /node/undrain?node=`, for this node or, through the peers' connection, another one.
// A drained node stays so over restarts: a file in the state directory says so.
//
// On the control thread, but for constructor and destructor: on the LAN's loop.
class MoveDesk {
public:
    MoveDesk(runtime::Daemon& daemon, runtime::EventLoop& lan, LanDriver& driver, PeerHub& peers);

    void add_routes();
    void set_plan(const Plan& plan);
    [[nodiscard]] bool is_drained() const noexcept { return is_drained_; }

private:
    [[nodiscard]] runtime::ControlResponse obey(const runtime::ControlRequest& request,
                                                PeerOrder::Kind kind);
    [[nodiscard]] runtime::ControlResponse take(const std::string& vip);
    [[nodiscard]] runtime::ControlResponse set_drained(bool drained);
    [[nodiscard]] runtime::ControlResponse pass_on(const std::string& node, const PeerOrder& order);
    [[nodiscard]] Result<void> remember() const;
    void on_order(const PeerOrder& order);
    void show();

    runtime::Daemon& daemon_;
    runtime::EventLoop& lan_;
    LanDriver& driver_;
    PeerHub& peers_;
    std::filesystem::path file_;
    std::string self_;
    std::vector<PeerNode> nodes_;
    std::set<std::string, std::less<>> vips_;
    bool is_drained_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::lb
