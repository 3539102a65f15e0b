#include "certs/io/vault.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "base/bytes.h"
#include "runtime/atomic_file.h"
#include "runtime/file_descriptor.h"

namespace hearth::certs {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolder = 0700;
constexpr mode_t kFile = 0600;
constexpr std::size_t kMostOctets = 64U << 10;
constexpr std::array kConsumers{Consumer::kProxy, Consumer::kDns};

const char* folder_of(Consumer consumer) noexcept {
    return consumer == Consumer::kProxy ? "proxy" : "dns";
}

Result<void> make_folder(const fs::path& path) {
    if (::mkdir(path.c_str(), kFolder) != 0 && errno != EEXIST)
        return fail(Error::from_errno(path.string(), errno));
    // Also one that somebody copied here.
    if (::chmod(path.c_str(), kFolder) != 0) return fail(Error::from_errno(path.string(), errno));
    return {};
}

Result<std::optional<std::string>> read_file(const fs::path& path) {
    const runtime::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) return fail(Error::from_errno(path.string(), errno));
    std::string text(kMostOctets, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(Error::from_errno(path.string(), errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

}  // namespace

Result<void> Vault::prepare() const {
    for (const fs::path& path : {directory_, directory_ / folder_of(Consumer::kProxy),
                                 directory_ / folder_of(Consumer::kDns)}) {
        if (auto made = make_folder(path); !made) return made;
    }
    return {};
}

fs::path Vault::path_of(const WantedLeaf& wanted) const {
    return directory_ / folder_of(wanted.consumer) / (wanted.name + ".pem");
}

Result<std::optional<std::string>> Vault::root() const {
    return read_file(directory_ / "root.pem");
}

Result<void> Vault::keep_root(std::string_view pem) const {
    return runtime::write_file_atomically(directory_ / "root.pem", as_bytes(pem), kFile);
}

Result<std::optional<std::string>> Vault::leaf(const WantedLeaf& wanted) const {
    return read_file(path_of(wanted));
}

Result<void> Vault::keep_leaf(const WantedLeaf& wanted, std::string_view pem) const {
    return runtime::write_file_atomically(path_of(wanted), as_bytes(pem), kFile);
}

void Vault::drop_others(const std::vector<WantedLeaf>& wanted) const {
    std::set<fs::path> kept;
    for (const WantedLeaf& each : wanted) kept.insert(path_of(each));
    std::error_code ignored;
    for (const Consumer consumer : kConsumers) {
        for (const auto& file : fs::directory_iterator(directory_ / folder_of(consumer), ignored))
            if (!kept.contains(file.path())) fs::remove(file.path(), ignored);
    }
}

}  // namespace hearth::certs
