#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assigned_address.h"
#include "lb/model/address_pool.h"

namespace hearth::lb {

enum class AddressState : std::uint8_t {
    kAssigned,
    kStranded,   // assigned, and in no pool any more: it stays until people decide
    kWaiting,    // others may know its address: nobody has been asked yet
    kExhausted,  // the pools have none left
};
[[nodiscard]] std::string_view to_string(AddressState state) noexcept;

// One address that a VIP asks for.
struct AddressView {
    std::string vip;
    IpFamily family = IpFamily::kV4;
    AddressState state = AddressState::kWaiting;
    std::optional<IpAddress> address;
    std::string pool;  // that has the address, or was asked for by name
};

// Which VIP has which address of the pools.
//
// There is no leader: each node keeps a book, and the books of nodes that hear each other become
// the same. The first choice of a VIP follows from its name, so that nodes which do not hear each
// other agree as a rule. What is written stays, whatever is added, removed or re-ordered in the
// document. Of two entries for one VIP the one with the higher revision counts, then the older; of
// two VIPs with one address the older entry keeps it, and the other VIP gets a new one under
// the next revision. Entries of VIPs that this document does not have keep their addresses from
// being used: another node's document may have them.
//
// Who asks for another pool than its address is in moves there when the document comes, and not
// when news come: two nodes with different documents would move it to and fro.
//
// Times are seconds since 1970. Not thread-safe.
class AddressBook {
public:
    void apply(PoolPlan plan);
    // What this node remembers, or another one tells. True when it was news.
    bool merge(const std::vector<AssignedAddress>& told);
    // Gives addresses to those that have none; newcomers may have to wait. True when something
    // changed.
    enum class Newcomers : std::uint8_t { kWait, kServe };
    bool settle(Newcomers newcomers, std::int64_t now_s);
    // Another address for a VIP that has one. False when there is none.
    bool renumber(std::string_view vip, std::int64_t now_s);
    // All nodes have the same document: whom it does not have is gone.
    bool forget_the_rest();

    // All entries, to be remembered and told.
    [[nodiscard]] std::vector<AssignedAddress> all() const;
    // Those of this document that are in force.
    [[nodiscard]] std::vector<AssignedAddress> in_force() const;
    // After settle(), by name.
    [[nodiscard]] const std::vector<AddressView>& view() const noexcept { return view_; }

private:
    using Key = std::pair<std::string, IpFamily>;

    enum class Verdict : std::uint8_t { kKeep, kStranded, kElsewhere, kMove };
    [[nodiscard]] Verdict judge(const AddressRequest& request, const IpAddress& address) const;
    [[nodiscard]] bool is_free(const AddressPool& pool, const IpAddress& address) const;
    [[nodiscard]] bool is_host(const IpAddress& address) const;
    [[nodiscard]] bool is_owner(const Key& key, const IpAddress& address) const;
    [[nodiscard]] std::optional<IpAddress> choose(const AddressRequest& request,
                                                  IpFamily family) const;
    enum class Number : std::uint8_t { kOwn, kAny };  // of the virtual router
    [[nodiscard]] std::optional<IpAddress> choose(const AddressRequest& request, IpFamily family,
                                                  const AddressPool& pool, Number number) const;
    [[nodiscard]] bool has_number(const IpAddress& address) const;
    [[nodiscard]] const AddressPool* pool_of(const IpAddress& address) const;
    void settle_one(const AddressRequest& request, IpFamily family, Newcomers newcomers,
                    std::int64_t now_s);

    PoolPlan plan_;
    enum class Moves : std::uint8_t { kByNeed, kByWish } moves_ = Moves::kByNeed;
    std::map<Key, AssignedAddress> entries_;
    std::vector<AddressView> view_;
};

}  // namespace hearth::lb
