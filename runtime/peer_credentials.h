#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.h"

namespace hearth::runtime {

// The process at the other end of a Unix socket, as the kernel vouches for it.
struct PeerCredentials {
    uid_t uid = 0;
    pid_t pid = 0;
    std::vector<gid_t> groups;  // its own and the supplementary ones
};

[[nodiscard]] std::optional<PeerCredentials> peer_credentials(int fd);

// Gives a socket's file to the group "hearth" where there is one; the group that it has then.
[[nodiscard]] Result<gid_t> share_with_group(const std::filesystem::path& path);

// Root, this daemon's own user, and whoever is in `group`.
[[nodiscard]] bool is_trusted(const PeerCredentials& peer, gid_t group);

}  // namespace hearth::runtime
