#include "lb/bind/address_desk.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "lb/bind/pools.h"
#include "runtime/atomic_file.h"
#include "runtime/control_server.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;

constexpr std::string_view kHead =
    "# Addresses that VIPs got from the pools: VIP ADDRESS REVISION SECONDS.\n"
    "# Written by hearth-lb, read by hearth-dns. Without it they are asked of the other nodes.\n";
// The first line of what the nodes tell each other.
constexpr std::string_view kSender = "# from ";

std::int64_t wall_now_s() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::string_view sender_of(std::string_view text) {
    if (!text.starts_with(kSender)) return {};
    return text.substr(kSender.size(), text.find('\n') - kSender.size());
}

}  // namespace

struct AddressDesk::Timer {
    explicit Timer(runtime::EventLoop& loop) : patience(loop.context()) {}
    boost::asio::steady_timer patience;
};

AddressDesk::AddressDesk(runtime::Daemon& daemon, Links links)
    : daemon_(daemon),
      links_(std::move(links)),
      file_(daemon.options().state_dir / "addresses"),
      timer_(std::make_unique<Timer>(daemon.control_loop())) {
    std::ifstream stream(file_);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (auto remembered = parse_assigned(text)) {
        static_cast<void>(book_.merge(*remembered));
        written_ = book_.all();
    } else {
        log::warn("addresses_forgotten",
                  {{"file", file_.string()}, {"reason", remembered.error().to_string()}});
    }
}

AddressDesk::~AddressDesk() { *alive_ = false; }

void AddressDesk::add_routes() {
    auto& control = daemon_.control();
    control.route(ControlMethod::kPost, "/peers/addresses",
                  [this](const ControlRequest& request) { return hear(request); });
    control.route(ControlMethod::kPost, "/vips/renumber",
                  [this](const ControlRequest& request) { return renumber(request); });
}

void AddressDesk::use(const config::Document& document, std::string self) {
    self_ = std::move(self);
    book_.apply(make_pool_plan(document));
    const auto newcomers = waiting_ == Waiting::kForNobody ? AddressBook::Newcomers::kServe
                                                           : AddressBook::Newcomers::kWait;
    static_cast<void>(book_.settle(newcomers, wall_now_s()));
    in_force_ = book_.in_force();
    show_addresses(daemon_.problems(), book_);
    remember();
    tell();
}

std::vector<AssignedAddress> AddressDesk::preview(const config::Document& document) const {
    AddressBook book = book_;
    book.apply(make_pool_plan(document));
    static_cast<void>(book.settle(AddressBook::Newcomers::kServe, wall_now_s()));
    return book.in_force();
}

void AddressDesk::expect(std::set<std::string> peers) {
    if (waiting_ == Waiting::kForNobody) return;
    unheard_ = std::move(peers);
    if (unheard_.empty()) return serve_newcomers();
    timer_->patience.expires_after(kPatience);
    timer_->patience.async_wait([this, alive = alive_](const boost::system::error_code& error) {
        if (!error && *alive) serve_newcomers();
    });
}

void AddressDesk::greet() { tell(); }

void AddressDesk::agree() {
    if (waiting_ == Waiting::kForNobody && book_.forget_the_rest()) remember();
}

void AddressDesk::serve_newcomers() {
    waiting_ = Waiting::kForNobody;
    timer_->patience.cancel();
    settle();
}

void AddressDesk::settle() {
    const auto newcomers = waiting_ == Waiting::kForNobody ? AddressBook::Newcomers::kServe
                                                           : AddressBook::Newcomers::kWait;
    const bool is_news = book_.settle(newcomers, wall_now_s());
    show_addresses(daemon_.problems(), book_);
    remember();
    if (is_news) tell();
    if (in_force_ == book_.in_force()) return;
    in_force_ = book_.in_force();
    for (const AssignedAddress& one : in_force_)
        log::info("address_assigned", {{"vip", one.vip}, {"address", one.address.to_string()}});
    links_.changed();
}

// Who tells less than we know is told the rest.
ControlResponse AddressDesk::hear(const ControlRequest& request) {
    auto told = parse_assigned(request.body);
    if (!told) return ControlResponse::error(400, told.error().to_string());
    static_cast<void>(book_.merge(*told));
    unheard_.erase(std::string(sender_of(request.body)));
    const auto all = book_.all();
    const bool knows_more = std::ranges::any_of(all, [&](const AssignedAddress& ours) {
        return std::ranges::find(*told, ours) == told->end();
    });
    if (knows_more) tell();
    if (unheard_.empty() && waiting_ == Waiting::kForPeers)
        serve_newcomers();
    else
        settle();
    return ControlResponse::json("{}\n");
}

ControlResponse AddressDesk::renumber(const ControlRequest& request) {
    const std::string vip(request.query_or("vip", ""));
    const bool is_asking =
        std::ranges::any_of(book_.view(), [&](const AddressView& view) { return view.vip == vip; });
    if (!is_asking)
        return ControlResponse::error(404, "no VIP `" + vip + "` has its address from a pool");
    if (!book_.renumber(vip, wall_now_s()))
        return ControlResponse::error(409, "the pools have no other address for " + vip);
    tell();
    settle();
    json::array addresses;
    for (const AssignedAddress& one : in_force_)
        if (one.vip == vip) addresses.emplace_back(one.address.to_string());
    return ControlResponse::json(
        json::serialize(json::object{{"vip", vip}, {"addresses", std::move(addresses)}}) + "\n");
}

void AddressDesk::remember() {
    auto all = book_.all();
    if (all == written_) return daemon_.problems().clear("pool_memory");
    const std::string text = std::string(kHead) + write_assigned(all);
    if (const auto kept = runtime::write_file_atomically(file_, as_bytes(text)); !kept)
        return daemon_.problems().raise(
            "pool_memory", "addresses from the pools are not remembered here: " +
                               kept.error().to_string() + "; hearth-dns does not know them");
    written_ = std::move(all);
    daemon_.problems().clear("pool_memory");
}

void AddressDesk::tell() {
    if (!self_.empty())
        links_.tell(std::string(kSender) + self_ + "\n" + write_assigned(book_.all()));
}

}  // namespace hearth::lb
