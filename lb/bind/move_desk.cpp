#include "lb/bind/move_desk.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <system_error>
#include <utility>

#include "lb/bind/plan.h"
#include "lb/io/lan_driver.h"
#include "runtime/atomic_file.h"
#include "runtime/control_server.h"
#include "runtime/daemon.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;
using Kind = PeerOrder::Kind;
using Taken = Reconciler::Taken;

constexpr std::string_view kMark = "drained by `hearth node drain`\n";

ControlResponse done(std::string_view what) {
    return ControlResponse::json(json::serialize(json::object{{"done", what}}) + "\n");
}

}  // namespace

MoveDesk::MoveDesk(runtime::Daemon& daemon, runtime::EventLoop& lan, LanDriver& driver,
                   PeerHub& peers)
    : daemon_(daemon),
      lan_(lan),
      driver_(driver),
      peers_(peers),
      file_(daemon.options().state_dir / "drained") {
    std::error_code error;
    is_drained_ = std::filesystem::exists(file_, error);
    if (is_drained_) driver_.set_duty(Duty::kDrained);
    show();
    peers_.on_order([this](const PeerOrder& order) { on_order(order); });
}

void MoveDesk::add_routes() {
    auto& control = daemon_.control();
    const auto route = [&](const char* path, Kind kind) {
        control.route(ControlMethod::kPost, path,
                      [this, kind](const ControlRequest& request) { return obey(request, kind); });
    };
    route("/vips/move", Kind::kTake);
    route("/node/drain", Kind::kDrain);
    route("/node/undrain", Kind::kUndrain);
}

void MoveDesk::set_plan(const Plan& plan) {
    self_ = plan.node;
    nodes_ = plan.nodes;
    vips_.clear();
    for (const auto& vip : plan.vips) vips_.insert(vip.name);
}

ControlResponse MoveDesk::obey(const ControlRequest& request, Kind kind) {
    const std::string node(request.query_or("node", self_));
    const std::string vip(request.query_or("vip", ""));
    const bool is_known = std::any_of(nodes_.begin(), nodes_.end(),
                                      [&](const PeerNode& one) { return one.name == node; });
    if (!is_known) return ControlResponse::error(404, "the document has no node `" + node + "`");
    if (kind == Kind::kTake && !vips_.contains(vip))
        return ControlResponse::error(404, "the document has no VIP `" + vip + "`");
    if (node != self_) return pass_on(node, {kind, vip});
    if (kind == Kind::kTake) return take(vip);
    return set_drained(kind == Kind::kDrain);
}

ControlResponse MoveDesk::pass_on(const std::string& node, const PeerOrder& order) {
    bool is_sent = false;
    lan_.run_and_wait([&] { is_sent = peers_.order(node, order); });
    if (is_sent) return done("asked");
    return ControlResponse::error(
        503, "no connection to " + node + ": see `hearth status`, or say it on that node");
}

ControlResponse MoveDesk::take(const std::string& vip) {
    Taken taken = Taken::kUnfit;
    lan_.run_and_wait([&] { taken = driver_.take(vip); });
    switch (taken) {
        case Taken::kOwned: return done("owned");
        case Taken::kMoved: log::info("vip_moved_here", {{"vip", vip}}); return done("moved");
        case Taken::kNoCandidate:
            return ControlResponse::error(404, self_ + " is no candidate for a VIP `" + vip + "`");
        case Taken::kUnfit: break;
    }
    return ControlResponse::error(409, self_ + " cannot take " + vip +
                                           " now: it is drained, its daemons are not well, it is "
                                           "not on the LAN, or another move has just been made");
}

Result<void> MoveDesk::remember() const {
    if (is_drained_) return runtime::write_file_atomically(file_, as_bytes(kMark));
    std::error_code error;
    std::filesystem::remove(file_, error);
    if (error) return fail(Errc::kSystem, file_.string(), error.message());
    return {};
}

ControlResponse MoveDesk::set_drained(bool drained) {
    is_drained_ = drained;
    lan_.run_and_wait([&] { driver_.set_duty(drained ? Duty::kDrained : Duty::kServing); });
    show();
    log::info(drained ? "node_drained" : "node_undrained", {});
    if (const auto kept = remember(); !kept)
        return ControlResponse::error(
            500, "done, but not for longer than hearth-lb runs: " + kept.error().to_string());
    return done(drained ? "drained" : "undrained");
}

// From another node, on the LAN's loop, which must not wait for a disk.
void MoveDesk::on_order(const PeerOrder& order) {
    daemon_.control_loop().post([this, alive = std::weak_ptr(alive_), order] {
        if (alive.expired()) return;
        if (order.kind == Kind::kTake)
            static_cast<void>(take(order.vip));
        else
            static_cast<void>(set_drained(order.kind == Kind::kDrain));
    });
}

void MoveDesk::show() {
    if (!is_drained_) return daemon_.problems().clear("drained");
    daemon_.problems().raise("drained",
                             "this node takes no VIP while another one is well, until `hearth node "
                             "undrain`");
}

}  // namespace hearth::lb
