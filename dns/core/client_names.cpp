#include "dns/core/client_names.h"

namespace hearth::dns {

void ClientNames::add(const IpAddress& address, const Name& name, const Name& domain) {
    const bool is_short = !name.is_root() && name.parent() == domain;
    names_.try_emplace(address, is_short ? std::string(name.first_label()) : name.to_string());
}

std::string_view ClientNames::of(const IpAddress& address) const noexcept {
    const auto found = names_.find(address);
    return found == names_.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace hearth::dns
