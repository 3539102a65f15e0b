#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "certs/bind/plan.h"
#include "certs/core/ledger.h"
#include "certs/io/vault.h"
#include "certs/io/x509.h"

namespace hearth::runtime {
class Problems;
}

namespace hearth::certs {

[[nodiscard]] UnixTime wall_clock();

// The root of this node and the leaves under it. On the control loop.
class Authority {
public:
    enum class Step : std::uint8_t { kIdle, kMore, kBatchDone };
    enum class Replace : std::uint8_t { kNever, kAllowed };
    struct Leaf {
        std::string name;
        std::string pem;
    };

    Authority(runtime::Problems& problems, std::filesystem::path directory);

    // Reads what is there. Fails when the folder cannot be made.
    [[nodiscard]] Result<void> open();
    void adopt(Plan plan);

    // Makes the root or the next leaf that is due, if the clock can be believed. kBatchDone: leaves
    // were made, and this was the last.
    [[nodiscard]] Step step(UnixTime now);

    // kConflict when there is a root that may not be replaced.
    [[nodiscard]] Result<void> make_root(UnixTime now, Replace replace);
    [[nodiscard]] Result<void> take_root(std::string_view pem, UnixTime now, Replace replace);

    // A client's certificate and key, kept nowhere here.
    [[nodiscard]] Result<Root::ClientKey> make_client(const std::string& name, int days,
                                                      const std::string& password, UnixTime now);

    // Those that were made for one, as the disk has them.
    [[nodiscard]] std::vector<Leaf> leaves_of(Consumer consumer) const;

    [[nodiscard]] const Root* root() const noexcept { return root_ ? &*root_ : nullptr; }
    [[nodiscard]] const Ledger& ledger() const noexcept { return ledger_; }
    [[nodiscard]] std::uint64_t issued() const noexcept { return issued_; }

private:
    [[nodiscard]] Result<void> keep_root(Root root);
    [[nodiscard]] bool may_sign(UnixTime now);
    [[nodiscard]] bool has_root(UnixTime now);
    [[nodiscard]] Result<Validity> issue(const WantedLeaf& wanted, UnixTime now);
    void look_for_leaves();
    void tell(std::string_view problem, std::string detail);
    void tell_root(UnixTime now);
    void tell_faults();

    runtime::Problems& problems_;
    Vault vault_;
    Plan plan_;
    std::optional<Root> root_;
    std::string root_fault_;  // it is there and cannot be read
    Ledger ledger_;
    bool in_batch_ = false;
    std::uint64_t issued_ = 0;
};

}  // namespace hearth::certs
