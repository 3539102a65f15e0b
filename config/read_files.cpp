#include "config/read_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "config/load.h"

namespace hearth::config {
namespace {

namespace fs = std::filesystem;

class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

Result<std::string> read_file(const std::string& path) {
    // O_NONBLOCK: a FIFO in the place of a file must not hold the daemon up.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (file.get() < 0 || fstat(file.get(), &about) != 0)
        return fail(Error::from_errno(path, errno));
    if (!S_ISREG(about.st_mode)) return fail(Errc::kInvalid, path, "is not a regular file");
    std::string text(kMaxFileBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto count = read(file.get(), text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(Error::from_errno(path, errno));
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > kMaxFileBytes) return fail(Errc::kTooLarge, path, "is larger than 1 MiB");
    text.resize(size);
    return text;
}

Result<std::vector<std::string>> drop_ins(const fs::path& folder) {
    std::vector<std::string> paths;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.ends_with(".yaml") && !name.starts_with('.'))
            paths.push_back(entry->path().string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return fail(Error::from_errno(folder.string(), error.value()));
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

Result<std::vector<Source>> read_files(const std::string& path) {
    auto extra = drop_ins(fs::path(path).parent_path() / "conf.d");
    if (!extra) return fail(extra.error());
    extra->insert(extra->begin(), path);
    if (extra->size() > kMaxFiles)
        return fail(Errc::kTooLarge, path,
                    "more than " + std::to_string(kMaxFiles) + " files in conf.d");
    std::vector<Source> sources;
    for (const std::string& one : *extra) {
        auto text = read_file(one);
        if (!text) return fail(text.error());
        sources.emplace_back(one, std::move(*text));
    }
    return sources;
}

}  // namespace hearth::config
