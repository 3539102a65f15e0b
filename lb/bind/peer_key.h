#pragma once

#include <string>

#include "base/result.h"
#include "lb/io/peer_tls.h"

namespace hearth::lb {

// 64 hexadecimal digits, as `hearth peer keygen` writes them. kNotFound when there is no such
// file; kRefused when others may read it.
[[nodiscard]] Result<PeerKey> read_peer_key(const std::string& path);

}  // namespace hearth::lb
