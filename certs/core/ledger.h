#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certs/model/certificate.h"

namespace hearth::certs {

// Which leaves there should be, which there are, and which is to be made next. No clock, no files:
// whoever owns it makes the leaves and says so.
class Ledger {
public:
    struct Entry {
        WantedLeaf wanted;
        std::optional<Validity> held;  // none: there is no leaf yet
        std::string fault;             // why the last attempt failed
        UnixTime not_again_before = 0;
    };

    // What is held of leaves that stay wanted, with the same addresses, is kept.
    void want(std::vector<WantedLeaf> leaves);
    // Of a wanted leaf: it is there, found or made.
    void hold(const WantedLeaf& leaf, const Validity& validity);
    // It could not be made; again in a minute.
    void failed(const WantedLeaf& leaf, std::string why, UnixTime now);
    // Another root: nothing that is held is worth anything.
    void forget_all();

    // The first that is to be made now, under a root of that validity.
    [[nodiscard]] const WantedLeaf* due(const Validity& root, UnixTime now) const noexcept;
    [[nodiscard]] const std::vector<Entry>& all() const noexcept { return entries_; }

private:
    [[nodiscard]] Entry* find(const WantedLeaf& leaf) noexcept;

    std::vector<Entry> entries_;
};

}  // namespace hearth::certs
