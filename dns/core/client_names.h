#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ip.h"
#include "base/name.h"
#include "dns/model/asker.h"

namespace hearth::dns {

// What the devices of the house are called: the document's names first, then those their DHCP
// leases give. Built once per snapshot, immutable afterwards, read from any thread.
class ClientNames final : public NamesOfClients {
public:
    // The first name given to an address stays. A name right under the domain is known by its
    // first label ("tablet" for tablet.home), any other in full, without the final dot.
    void add(const IpAddress& address, const Name& name, const Name& domain);

    // Empty when nobody named it. Valid as long as this object is.
    [[nodiscard]] std::string_view of(const IpAddress& address) const noexcept override;
    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

private:
    std::unordered_map<IpAddress, std::string> names_;
};

}  // namespace hearth::dns
