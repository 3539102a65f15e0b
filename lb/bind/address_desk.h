#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/document.h"
#include "lb/core/address_book.h"

namespace hearth::runtime {
class Daemon;
struct ControlRequest;
struct ControlResponse;
}  // namespace hearth::runtime

namespace hearth::lb {

// Keeps the book of automatic addresses: remembers it in `addresses` of the state directory (where
// hearth-dns reads it), tells the other nodes and hears them (`POST /peers/addresses`), and
// renumbers (`POST /vips/renumber?vip=`). A VIP that is new waits until every peer has been heard,
// for kPatience at most. On the control thread.
class AddressDesk {
public:
    struct Links {
        // Hands a text to this daemon on every other node.
        std::function<void(std::string)> tell;
        // in_force() is not what it was.
        std::function<void()> changed;
    };
    AddressDesk(runtime::Daemon& daemon, Links links);
    ~AddressDesk();

    void add_routes();
    // From now on this document's, as far as known.
    void use(const config::Document& document, std::string self);
    // The nodes that will tell what they know. None: nobody is waited for.
    void expect(std::set<std::string> peers);
    // A node is there (again).
    void greet();
    // Every node that is heard has our document.
    void agree();

    // What would be in force with this document.
    [[nodiscard]] std::vector<AssignedAddress> preview(const config::Document& document) const;
    [[nodiscard]] const AddressBook& book() const noexcept { return book_; }

private:
    static constexpr auto kPatience = std::chrono::seconds(3);
    enum class Waiting : std::uint8_t { kForPeers, kForNobody };

    [[nodiscard]] runtime::ControlResponse hear(const runtime::ControlRequest& request);
    [[nodiscard]] runtime::ControlResponse renumber(const runtime::ControlRequest& request);
    void remember();
    void tell();
    void serve_newcomers();
    // Settles, and lets everybody know who should.
    void settle();

    runtime::Daemon& daemon_;
    Links links_;
    std::filesystem::path file_;
    AddressBook book_;
    std::vector<AssignedAddress> written_;
    std::vector<AssignedAddress> in_force_;
    std::string self_;
    std::set<std::string> unheard_;
    Waiting waiting_ = Waiting::kForPeers;
    struct Timer;
    std::unique_ptr<Timer> timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::lb
