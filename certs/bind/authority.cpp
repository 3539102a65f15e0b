#include "certs/bind/authority.h"

#include <ctime>
#include <utility>

#include "certs/core/calendar.h"
#include "certs/core/scope.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::certs {
namespace {

constexpr UnixTime kRootEndsSoon = 90 * kDay;  // devices must be visited before

}  // namespace

UnixTime wall_clock() { return std::time(nullptr); }

Authority::Authority(runtime::Problems& problems, std::filesystem::path directory)
    : problems_(problems), vault_(std::move(directory)) {}

Result<void> Authority::open() {
    if (auto prepared = vault_.prepare(); !prepared) return prepared;
    const auto pem = vault_.root();
    if (!pem) {
        root_fault_ = pem.error().to_string();
    } else if (*pem) {
        auto root = Root::parse(**pem);
        if (root) root_ = std::move(*root);
        if (!root) root_fault_ = root.error().to_string();
    }
    if (root_) log::info("ca_loaded", {{"subject", root_->facts().subject}});
    return {};
}

void Authority::adopt(Plan plan) {
    plan_ = std::move(plan);
    look_for_leaves();
}

// What the disk has of what is wanted.
void Authority::look_for_leaves() {
    std::vector<WantedLeaf> wanted;
    if (root_) {
        for (const WantedLeaf& leaf : plan_.leaves)
            if (permits(root_->facts().scope, leaf.name))
                wanted.push_back(within(root_->facts().scope, leaf));
    }
    ledger_.want(wanted);
    if (!root_) return;
    for (const WantedLeaf& leaf : wanted) {
        const auto pem = vault_.leaf(leaf);
        if (!pem || !*pem) continue;
        if (const auto good = root_->check(leaf, **pem)) ledger_.hold(leaf, *good);
    }
    vault_.drop_others(wanted);
}

Authority::Step Authority::step(UnixTime now) {
    const WantedLeaf* next = nullptr;
    if (may_sign(now)) next = ledger_.due(root_->facts().validity, now);
    if (next == nullptr) {
        tell_faults();
        return std::exchange(in_batch_, false) ? Step::kBatchDone : Step::kIdle;
    }
    const WantedLeaf wanted = *next;
    if (const auto made = issue(wanted, now)) {
        ledger_.hold(wanted, *made);
        in_batch_ = true;
        ++issued_;
        log::info("leaf_issued", {{"name", wanted.name}, {"not_after", made->not_after}});
    } else {
        ledger_.failed(wanted, made.error().to_string(), now);
    }
    return Step::kMore;
}

Result<Validity> Authority::issue(const WantedLeaf& wanted, UnixTime now) {
    const Validity validity = leaf_validity(now, root_->facts().validity);
    const auto pem = root_->issue(wanted, validity);
    if (!pem) return fail(pem.error());
    if (auto kept = vault_.keep_leaf(wanted, *pem); !kept) return fail(std::move(kept.error()));
    return validity;
}

Result<Root::ClientKey> Authority::make_client(const std::string& name, int days,
                                               const std::string& password, UnixTime now) {
    if (!root_) return fail(Errc::kUnavailable, "root", "there is none: hearth ca init");
    if (!may_sign(now)) return fail(Errc::kUnavailable, "clock", "it is not to be believed yet");
    auto made =
        root_->issue_client(name, client_validity(now, days, root_->facts().validity), password);
    if (made) log::info("client_certificate_issued", {{"name", name}});
    return made;
}

void Authority::tell(std::string_view problem, std::string detail) {
    if (detail.empty()) return problems_.clear(problem);
    problems_.raise(problem, std::move(detail));
}

bool Authority::may_sign(UnixTime now) {
    if (plan_.leaves.empty() && !root_) {
        for (const auto name : {"clock_untrusted", "ca_missing"}) problems_.clear(name);
        return false;
    }
    const auto trust = judge_clock(now, root_ ? &root_->facts().validity : nullptr);
    std::string why;
    if (trust == ClockTrust::kNotSet)
        why = "this machine's clock is not set: nothing is issued until it is";
    if (trust == ClockTrust::kBeforeRoot)
        why =
            "this machine's clock is before the day the root was made: set it, or make the root "
            "again; nothing is issued until then";
    tell("clock_untrusted", why);
    if (trust != ClockTrust::kTrusted || !has_root(now)) return false;
    tell_root(now);
    return now < root_->facts().validity.not_after;
}

bool Authority::has_root(UnixTime now) {
    tell("ca_unreadable", root_fault_.empty()
                              ? std::string()
                              : root_fault_ +
                                    "; bring back a copy of it, or make another with "
                                    "`hearth ca init --replace`");
    if (!root_ && root_fault_.empty() && plan_.makes_root) {
        if (const auto made = make_root(now, Replace::kNever); !made)
            log::warn("ca_not_made", {{"error", made.error().to_string()}});
    }
    tell("ca_missing", root_ || !root_fault_.empty()
                           ? std::string()
                           : "there is no root: `hearth ca init` on one node, `hearth ca export "
                             "FILE` there and `hearth ca import FILE` on the others; or say "
                             "proxy.tls.local_ca: false");
    return root_.has_value();
}

void Authority::tell_root(UnixTime now) {
    const RootFacts& facts = root_->facts();
    const UnixTime left = facts.validity.not_after - now;
    tell("ca_ends", left > kRootEndsSoon
                        ? std::string()
                        : facts.subject + (left <= 0 ? " has ended" : " ends within 90 days") +
                              ": make another with `hearth ca init --replace`, bring it to the "
                              "other nodes and install it on every device");
    tell("ca_domain", permits(facts.scope, plan_.domain)
                          ? std::string()
                          : facts.subject + " is not for the domain " + plan_.domain +
                                ": make another with `hearth ca init --replace`");
}

void Authority::tell_faults() {
    std::string faults;
    for (const auto& entry : ledger_.all())
        if (!entry.fault.empty())
            faults += (faults.empty() ? "" : "; ") + entry.wanted.name + ": " + entry.fault;
    tell("leaf_not_made", faults);
}

Result<void> Authority::keep_root(Root root) {
    if (auto kept = vault_.keep_root(root.certificate() + root.key()); !kept) return kept;
    log::info("ca_taken", {{"subject", root.facts().subject}});
    root_ = std::move(root);
    root_fault_.clear();
    ledger_.forget_all();
    look_for_leaves();
    in_batch_ = true;  // whoever has the old one's leaves is to ask again in any case
    return {};
}

Result<void> Authority::make_root(UnixTime now, Replace replace) {
    if (replace == Replace::kNever && (root_ || !root_fault_.empty()))
        return fail(Errc::kConflict, "", "there is a root already");
    if (judge_clock(now, nullptr) != ClockTrust::kTrusted)
        return fail(Errc::kUnavailable, "", "this machine's clock is not set");
    auto root = Root::make(plan_.domain, root_validity(now));
    if (!root) return fail(std::move(root.error()));
    return keep_root(std::move(*root));
}

Result<void> Authority::take_root(std::string_view pem, UnixTime now, Replace replace) {
    auto root = Root::parse(pem);
    if (!root) return fail(std::move(root.error()));
    const RootFacts& facts = root->facts();
    if (root_ && root_->facts().fingerprint == facts.fingerprint) return {};
    if (replace == Replace::kNever && (root_ || !root_fault_.empty()))
        return fail(Errc::kConflict, "", "there is another root already");
    if (now > facts.validity.not_after)
        return fail(Errc::kInvalid, "certificate", facts.subject + " has ended");
    if (!permits(facts.scope, plan_.domain))
        return fail(Errc::kInvalid, "certificate",
                    facts.subject + " is not for the domain " + plan_.domain);
    return keep_root(std::move(*root));
}

std::vector<Authority::Leaf> Authority::leaves_of(Consumer consumer) const {
    std::vector<Leaf> leaves;
    for (const auto& entry : ledger_.all()) {
        if (entry.wanted.consumer != consumer || !entry.held) continue;
        auto pem = vault_.leaf(entry.wanted);
        if (pem && *pem) leaves.push_back({entry.wanted.name, std::move(**pem)});
    }
    return leaves;
}

}  // namespace hearth::certs
