#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hearth::dns {

// Tells when files may have changed: written to, replaced by another of their name, made or
// removed (inotify on their directories). Several changes within a short while are told once, and
// writers that never pause are not waited for. Everything on the loop of `context`.
class FileWatch {
public:
    FileWatch(boost::asio::io_context& context, std::function<void()> changed);
    ~FileWatch();
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    // From now on these, by absolute path. A directory that does not exist yet is tried again with
    // each look().
    void watch(const std::vector<std::string>& files);
    void look();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::dns
