#include "lb/io/lan_link.h"

#include <algorithm>
#include <utility>

#include "lb/io/clock.h"
#include "lb/model/address_list.h"
#include "runtime/event_loop.h"

namespace hearth::lb {
namespace {

// Several times while a loan lasts.
constexpr Duration kRenewLoans = RouteNetlink::kLoan / 3;

}  // namespace

LanLink::LanLink(runtime::EventLoop& loop, IpAddress address, std::function<void()> on_packet)
    : loop_(loop), on_packet_(std::move(on_packet)) {
    settings_.address = address;
}

LanLink::~LanLink() = default;

void LanLink::report(std::string_view trouble, const Result<void>& done) {
    if (done)
        troubles_.erase(std::string(trouble));
    else
        troubles_.insert_or_assign(std::string(trouble), done.error().to_string());
}

void LanLink::apply(const LinkSettings& settings) {
    settings_ = settings;
    is_retired_ = false;
    reconciler_.configure(settings_.routers, now());
}

void LanLink::retire() {
    is_retired_ = true;
    settings_.routers.clear();
    reconciler_.stop(now());
}

// --- the interface ----------------------------------------------------------------------------

const Interface* LanLink::find_interface(const std::vector<Interface>& links,
                                         const std::vector<InterfaceAddress>& addresses) const {
    for (const auto& link : links) {
        const bool carries = std::ranges::any_of(addresses, [&](const auto& a) {
            return a.interface == link.index && a.address == settings_.address;
        });
        if (carries && (settings_.interface.empty() || settings_.interface == link.name))
            return &link;
    }
    return nullptr;
}

void LanLink::lose(std::string why) {
    troubles_.clear();
    troubles_["lan_missing"] = std::move(why);
    reconciler_.set_lan({}, now());
    close();
}

void LanLink::follow(const std::vector<Interface>& links,
                     const std::vector<InterfaceAddress>& addresses) {
    const Interface* link = find_interface(links, addresses);
    if (link == nullptr) {
        const std::string where = settings_.interface.empty()
                                      ? "no interface carries "
                                      : settings_.interface + " does not carry ";
        return lose(where + settings_.address.to_string() +
                    ", this node's address: its VIPs are left to the other nodes");
    }
    if (link->arp == Interface::Arp::kUnable)
        return lose(link->name + " cannot speak ARP: name the bridge or bond above it");
    troubles_.erase("lan_missing");
    if (index_ != link->index || !port_) open_port(*link);
    name_ = link->name;
    const bool up = link->carrier == Interface::Carrier::kPresent && port_ != nullptr;
    if (up)
        troubles_.erase("lan_no_carrier");
    else if (port_)
        troubles_["lan_no_carrier"] = link->name + " has no carrier: check the cable";
    LanState state{settings_.address, link->mac, up ? LanState::Link::kUp : LanState::Link::kDown};
    const auto own = std::ranges::find_if(addresses, [&](const InterfaceAddress& a) {
        return a.interface == link->index && a.address.is_v6() && a.address.is_link_local();
    });
    if (own != addresses.end()) state.link_local = own->address;
    reconciler_.set_lan(state, now());
    check_link_local(*link, state);
}

// VIPs for IPv6 need it (RFC 9568 §5.1.2.1); it is not there where IPv6 is switched off.
void LanLink::check_link_local(const Interface& link, const LanState& state) {
    const auto vips = reconciler_.addresses();
    const bool needed = std::ranges::any_of(vips, [](const auto& vip) { return vip.is_v6(); });
    troubles_.erase("lan_no_ipv6");
    if (!needed || state.link_local || state.link != LanState::Link::kUp) return;
    troubles_["lan_no_ipv6"] = link.name + " has no link-local IPv6 address (is net.ipv6.conf." +
                               link.name +
                               ".disable_ipv6 set?): its IPv6 VIPs are left to the other nodes";
}

void LanLink::open_port(const Interface& link) {
    close();
    auto opened = PacketPort::open(loop_, link.index,
                                   {[this](ByteView payload, Delivery delivery) {
                                        reconciler_.on_arp(payload, delivery, now());
                                        on_packet_();
                                    },
                                    [this](ByteView packet, MacAddress from, Delivery delivery) {
                                        reconciler_.on_ndp(packet, from, delivery, now());
                                        on_packet_();
                                    },
                                    [this](ByteView packet, MacAddress from) {
                                        reconciler_.on_vrrp(packet, from, now());
                                        on_packet_();
                                    }});
    report("vip_no_socket", opened ? Result<void>{} : Result<void>(fail(opened.error())));
    if (!opened) return;
    port_ = std::move(*opened);
    index_ = link.index;
    heard_about_.clear();
    listen_for_neighbours();
}

void LanLink::close() {
    port_.reset();
    index_ = 0;
    lent_.clear();
}

void LanLink::listen_for_neighbours() {
    std::vector<IpAddress> about = reconciler_.addresses();
    for (const auto& router : settings_.routers) {
        about.insert(about.end(), router.nodes.begin(), router.nodes.end());
        about.insert(about.end(), router.foreign_peers.begin(), router.foreign_peers.end());
    }
    std::sort(about.begin(), about.end());
    about.erase(std::unique(about.begin(), about.end()), about.end());
    if (!port_ || about == heard_about_) return;
    report("vip_no_socket", port_->hear_about(about, reconciler_.addresses()));
    heard_about_ = std::move(about);
}

void LanLink::send(std::span<const Frame> frames) {
    if (!port_) return;
    for (const auto& frame : frames) port_->send(frame);
}

std::uint64_t LanLink::send_failures() const noexcept { return port_ ? port_->send_failures() : 0; }

// --- VIPs on the interface (announce: address) ------------------------------------------------

bool LanLink::lends(const InterfaceAddress& one) const {
    return index_ != 0 && one.interface == index_ && contains(lent_, one.address);
}

// What somebody took away there is put back.
void LanLink::note_loans(const std::vector<InterfaceAddress>& found) {
    std::erase_if(lent_, [&](const IpAddress& vip) {
        return std::ranges::none_of(found, [&](const InterfaceAddress& one) {
            return one.interface == index_ && one.address == vip &&
                   one.owner == InterfaceAddress::Owner::kHearth;
        });
    });
}

LanLink::Loans LanLink::renew_loans(RouteNetlink& route) {
    const auto wanted = port_ ? reconciler_.interface_addresses(now()) : std::vector<IpAddress>{};
    const bool is_due = !lent_.empty() && now() >= renewal_;
    if (wanted == lent_ && !is_due) return Loans::kAsTheyWere;
    Result<void> outcome;
    for (const auto& address : lent_) {
        if (contains(wanted, address)) continue;
        if (auto done = route.drop_vip(address, index_); !done) outcome = done;
    }
    for (const auto& address : wanted) {
        if (contains(lent_, address) && !is_due) continue;
        if (auto done = route.lend_vip(address, index_); !done) outcome = done;
    }
    if (is_due || lent_.empty()) renewal_ = now() + kRenewLoans;
    lent_ = wanted;
    report("vip_loan", outcome);
    return Loans::kRenewed;
}

TimePoint LanLink::next_deadline() const noexcept {
    const TimePoint next = reconciler_.next_deadline();
    return lent_.empty() ? next : std::min(next, renewal_);
}

}  // namespace hearth::lb
