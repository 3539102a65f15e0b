#pragma once

#include <string_view>

#include "base/ip.h"

namespace hearth::dns {

// Knows what the devices of the house are called.
class NamesOfClients {
public:
    // Empty when nobody named it. Valid as long as this object is.
    [[nodiscard]] virtual std::string_view of(const IpAddress& address) const noexcept = 0;

protected:
    ~NamesOfClients() = default;
};

// Who asks, for rules that are about some clients only. Views; null: not known.
struct Asker {
    const IpAddress* address = nullptr;
    const NamesOfClients* names = nullptr;
};

}  // namespace hearth::dns
