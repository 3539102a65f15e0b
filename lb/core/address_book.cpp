#include "lb/core/address_book.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace hearth::lb {
namespace {

// Of one range: more than any home has, and few enough to look at one after the other.
constexpr std::uint64_t kMostOfRange = 65'536;

// FNV-1a: the nodes must agree, whatever they run on.
std::uint64_t draw(std::string_view vip) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : vip) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
    return hash ^ (hash >> 32U);
}

std::uint32_t low_bits(const IpAddress& address) noexcept {
    const ByteView octets = address.bytes();
    return load_be32(octets.data() + octets.size() - 4);
}

// At most kMostOfRange.
std::uint64_t size_of(const AddressRange& range) noexcept {
    const std::size_t high = range.first.bytes().size() - 4;
    const bool is_wide =
        !std::equal(range.first.bytes().begin(),
                    range.first.bytes().begin() + static_cast<std::ptrdiff_t>(high),
                    range.last.bytes().begin());
    const std::uint64_t size = std::uint64_t{low_bits(range.last)} - low_bits(range.first) + 1;
    return is_wide ? kMostOfRange : std::min(size, kMostOfRange);
}

IpAddress nth_of(const AddressRange& range, std::uint64_t n) noexcept {
    std::array<std::uint8_t, 16> octets{};
    const ByteView first = range.first.bytes();
    std::copy(first.begin(), first.end(), octets.begin());
    for (std::size_t i = first.size(); i-- > 0 && n > 0;) {
        n += octets[i];
        octets[i] = static_cast<std::uint8_t>(n & 0xffU);
        n >>= 8U;
    }
    return IpAddress::from_bytes({octets.data(), first.size()});
}

bool is_buggy(const IpAddress& address) noexcept {
    const std::uint8_t last = address.bytes().back();
    return address.is_v4() && (last == 0 || last == 255);
}

// Which of two entries for one VIP counts.
bool is_better(const AssignedAddress& a, const AssignedAddress& b) noexcept {
    if (a.revision != b.revision) return a.revision > b.revision;
    return std::tie(a.assigned_s, a.address) < std::tie(b.assigned_s, b.address);
}

}  // namespace

std::string_view to_string(AddressState state) noexcept {
    switch (state) {
        case AddressState::kAssigned: return "assigned";
        case AddressState::kStranded: return "stranded";
        case AddressState::kWaiting: return "waiting";
        case AddressState::kExhausted: break;
    }
    return "exhausted";
}

void AddressBook::apply(PoolPlan plan) {
    plan_ = std::move(plan);
    std::ranges::sort(plan_.requests, {}, &AddressRequest::vip);
    moves_ = Moves::kByWish;
}

bool AddressBook::merge(const std::vector<AssignedAddress>& told) {
    bool is_news = false;
    for (const AssignedAddress& one : told) {
        const auto [entry, is_new] = entries_.try_emplace({one.vip, one.address.family()}, one);
        if (!is_new && !is_better(one, entry->second)) continue;
        entry->second = one;
        is_news = true;
    }
    return is_news;
}

bool AddressBook::settle(Newcomers newcomers, std::int64_t now_s) {
    const auto before = entries_;
    view_.clear();
    for (const AddressRequest& request : plan_.requests)
        for (const IpFamily family : request.families)
            settle_one(request, family, newcomers, now_s);
    if (newcomers == Newcomers::kServe) moves_ = Moves::kByNeed;
    return entries_ != before;
}

void AddressBook::settle_one(const AddressRequest& request, IpFamily family, Newcomers newcomers,
                             std::int64_t now_s) {
    const Key key{request.vip, family};
    AddressView view{request.vip, family, AddressState::kWaiting, {}, request.pool};
    const auto entry = entries_.find(key);
    const bool is_known = entry != entries_.end() && is_owner(key, entry->second.address);
    const Verdict verdict = is_known ? judge(request, entry->second.address) : Verdict::kMove;
    const bool may_stay =
        verdict != Verdict::kMove && (verdict != Verdict::kElsewhere || moves_ == Moves::kByNeed ||
                                      newcomers == Newcomers::kWait);
    if (may_stay) {
        view.state = verdict == Verdict::kKeep ? AddressState::kAssigned : AddressState::kStranded;
        view.address = entry->second.address;
    } else if (newcomers == Newcomers::kServe) {
        view.address = choose(request, family);
        if (!view.address && verdict == Verdict::kElsewhere) {
            view.address = entry->second.address;  // better than none
            view.state = AddressState::kStranded;
            view_.push_back(std::move(view));
            return;
        }
        view.state = view.address ? AddressState::kAssigned : AddressState::kExhausted;
        const std::uint32_t revision = entry == entries_.end() ? 1 : entry->second.revision + 1;
        if (view.address)
            entries_.insert_or_assign(key,
                                      AssignedAddress{request.vip, *view.address, revision, now_s});
    }
    if (view.address)
        if (const AddressPool* pool = pool_of(*view.address)) view.pool = pool->name;
    view_.push_back(std::move(view));
}

bool AddressBook::renumber(std::string_view vip, std::int64_t now_s) {
    bool is_done = false;
    for (const AddressRequest& request : plan_.requests) {
        if (request.vip != vip) continue;
        for (const IpFamily family : request.families) {
            const auto entry = entries_.find({request.vip, family});
            const auto address = entry == entries_.end() ? std::nullopt : choose(request, family);
            if (!address) continue;
            entry->second = {request.vip, *address, entry->second.revision + 1, now_s};
            is_done = true;
        }
    }
    return is_done;
}

bool AddressBook::forget_the_rest() {
    const auto is_gone = [&](const auto& entry) {
        return std::ranges::none_of(plan_.requests, [&](const AddressRequest& request) {
            return request.vip == entry.first.first &&
                   std::ranges::find(request.families, entry.first.second) !=
                       request.families.end();
        });
    };
    return std::erase_if(entries_, is_gone) > 0;
}

std::vector<AssignedAddress> AddressBook::all() const {
    std::vector<AssignedAddress> all;
    for (const auto& [key, entry] : entries_) all.push_back(entry);
    return all;
}

std::vector<AssignedAddress> AddressBook::in_force() const {
    std::vector<AssignedAddress> some;
    for (const AddressView& view : view_)
        if (view.address) some.push_back(entries_.at({view.vip, view.family}));
    return some;
}

AddressBook::Verdict AddressBook::judge(const AddressRequest& request,
                                        const IpAddress& address) const {
    if (plan_.taken.contains(address) || !is_host(address)) return Verdict::kMove;
    const AddressPool* pool = pool_of(address);
    if (pool == nullptr) return Verdict::kStranded;
    return request.pool.empty() || request.pool == pool->name ? Verdict::kKeep
                                                              : Verdict::kElsewhere;
}

// Of several entries with one address the oldest has it.
bool AddressBook::is_owner(const Key& key, const IpAddress& address) const {
    const AssignedAddress& ours = entries_.at(key);
    return std::ranges::none_of(entries_, [&](const auto& other) {
        return other.first != key && other.second.address == address &&
               std::tie(other.second.assigned_s, other.second.vip) <
                   std::tie(ours.assigned_s, ours.vip);
    });
}

bool AddressBook::is_host(const IpAddress& address) const {
    return std::ranges::any_of(plan_.lan, [&](const IpPrefix& lan) {
        const bool has_ends = address.is_v6() || lan.length() <= 30;
        return lan.contains(address) && (!has_ends || address != lan.address()) &&
               (address.is_v6() || !has_ends || address != lan.last());
    });
}

bool AddressBook::is_free(const AddressPool& pool, const IpAddress& address) const {
    if (pool.buggy == BuggyAddresses::kAvoided && is_buggy(address)) return false;
    if (plan_.taken.contains(address) || !is_host(address)) return false;
    return std::ranges::none_of(entries_,
                                [&](const auto& entry) { return entry.second.address == address; });
}

// Somebody's virtual router has the number that this address would have.
bool AddressBook::has_number(const IpAddress& address) const {
    const std::uint8_t last = address.bytes().back();
    return plan_.numbers.contains(last == 0 ? 255 : last) ||
           std::ranges::any_of(entries_, [&](const auto& entry) {
               return entry.second.address.bytes().back() == last;
           });
}

const AddressPool* AddressBook::pool_of(const IpAddress& address) const {
    for (const AddressPool& pool : plan_.pools)
        for (const AddressRange& range : pool.ranges)
            if (range.contains(address)) return &pool;
    return nullptr;
}

std::optional<IpAddress> AddressBook::choose(const AddressRequest& request, IpFamily family) const {
    for (const AddressPool& pool : plan_.pools) {
        const bool may_use =
            request.pool.empty() ? pool.use == PoolUse::kByAnybody : pool.name == request.pool;
        if (!may_use) continue;
        auto found = choose(request, family, pool, Number::kOwn);
        if (!found) found = choose(request, family, pool, Number::kAny);
        if (found) return found;
    }
    return std::nullopt;
}

std::optional<IpAddress> AddressBook::choose(const AddressRequest& request, IpFamily family,
                                             const AddressPool& pool, Number number) const {
    std::uint64_t size = 0;
    for (const AddressRange& range : pool.ranges)
        if (range.first.family() == family) size += size_of(range);
    const std::uint64_t begin = size == 0 ? 0 : draw(request.vip) % size;
    for (std::uint64_t step = 0; step < size; ++step) {
        std::uint64_t n = (begin + step) % size;
        for (const AddressRange& range : pool.ranges) {
            if (range.first.family() != family) continue;
            if (n >= size_of(range)) {
                n -= size_of(range);
                continue;
            }
            const IpAddress address = nth_of(range, n);
            if (is_free(pool, address) && (number == Number::kAny || !has_number(address)))
                return address;
            break;
        }
    }
    return std::nullopt;
}

}  // namespace hearth::lb
