#include "proxy/io/certificate_store.h"

#include <algorithm>
#include <array>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

CertificateStore::CertificateStore(std::vector<Certificate> certificates, Home home)
    : certificates_(std::move(certificates)), home_(std::move(home)) {
    for (std::size_t i = 0; i < certificates_.size(); ++i) {
        for (const std::string& name : certificates_[i].names) by_name_.emplace(name, i);
    }
}

std::optional<std::size_t> CertificateStore::find(std::string_view host) const noexcept {
    std::array<char, kMaxHost + 1> folded;
    if (host.empty() || host.size() > kMaxHost) return std::nullopt;
    // The octet before a label makes room for the '*' of a wildcard.
    std::transform(host.begin(), host.end(), folded.begin() + 1, to_lower);
    const std::string_view name(folded.data() + 1, host.size());
    if (const auto exact = by_name_.find(name); exact != by_name_.end()) return exact->second;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    folded[dot] = '*';
    const auto wild = by_name_.find(std::string_view(folded.data() + dot, host.size() - dot + 1));
    if (wild == by_name_.end()) return std::nullopt;
    return wild->second;
}

}  // namespace hearth::proxy
