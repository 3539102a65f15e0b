#include "runtime/peer_credentials.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/log.h"

namespace hearth::runtime {
namespace {

std::optional<gid_t> group_id(const char* name) {
    std::array<char, 4096> buffer{};
    group entry{};
    group* found = nullptr;
    if (getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return found->gr_gid;
}

}  // namespace

std::optional<PeerCredentials> peer_credentials(int fd) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    PeerCredentials found{peer.uid, peer.pid, std::vector<gid_t>(256)};
    size = static_cast<socklen_t>(found.groups.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, found.groups.data(), &size) != 0) size = 0;
    found.groups.resize(size / sizeof(gid_t));
    found.groups.push_back(peer.gid);
    return found;
}

Result<gid_t> share_with_group(const std::filesystem::path& path) {
    if (const auto group = group_id("hearth")) {
        if (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
            log::debug("socket_group", {{"path", path.string()}, {"errno", errno}});
        }
    }
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return fail(Error::from_errno(path.string(), errno));
    return file.st_gid;
}

bool is_trusted(const PeerCredentials& peer, gid_t group) {
    return peer.uid == 0 || peer.uid == ::geteuid() ||
           std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

}  // namespace hearth::runtime
