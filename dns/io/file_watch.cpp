#include "dns/io/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace hearth::dns {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kPause{200};
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO |
                                  IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

struct FileWatch::Impl {
    Impl(asio::io_context& context, std::function<void()> on_change)
        : inotify(context, ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
          timer(context),
          changed(std::move(on_change)) {}

    void add_missing() {
        for (const std::string& file : files) {
            const std::filesystem::path path(file);
            const std::string directory = path.parent_path().string();
            const bool is_watched = std::ranges::any_of(
                directories, [&](const auto& one) { return one.second == directory; });
            if (is_watched) continue;
            const int number =
                ::inotify_add_watch(inotify.native_handle(), directory.c_str(), kEvents);
            if (number < 0) continue;
            directories[number] = directory;
            note_change();  // what was written before the directory was watched
        }
    }

    void read() {
        inotify.async_wait(asio::posix::stream_descriptor::wait_read,
                           [this](boost::system::error_code error) {
                               if (error) return;
                               drain();
                               read();
                           });
    }

    void drain() {
        alignas(inotify_event) std::array<char, 16U << 10> buffer;
        while (true) {
            const ssize_t got = ::read(inotify.native_handle(), buffer.data(), buffer.size());
            if (got <= 0) return;
            for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
                inotify_event event{};
                std::memcpy(&event, buffer.data() + at, sizeof event);
                take(event, buffer.data() + at + sizeof event);
                at += sizeof event + event.len;
            }
        }
    }

    void take(const inotify_event& event, const char* name) {
        if ((event.mask & IN_Q_OVERFLOW) != 0) return note_change();
        const auto directory = directories.find(event.wd);
        if (directory == directories.end()) return;
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) {
            if ((event.mask & IN_MOVE_SELF) != 0)
                (void)::inotify_rm_watch(inotify.native_handle(), event.wd);
            directories.erase(directory);
            return note_change();
        }
        const std::string_view changed_name = event.len > 0 ? name : "";
        for (const std::string& file : files) {
            const std::filesystem::path path(file);
            // A file behind a symbolic link changes with whatever stands beside the link.
            if (path.parent_path() == directory->second &&
                (path.filename() == changed_name || links.contains(file)))
                return note_change();
        }
    }

    // The first change starts the pause, later ones do not prolong it.
    void note_change() {
        if (std::exchange(is_pausing, true)) return;
        timer.expires_after(kPause);
        timer.async_wait([this](boost::system::error_code error) {
            if (error) return;
            is_pausing = false;
            changed();
        });
    }

    asio::posix::stream_descriptor inotify;
    asio::steady_timer timer;
    std::function<void()> changed;
    std::vector<std::string> files;
    std::set<std::string> links;
    std::map<int, std::string> directories;  // by watch descriptor
    bool is_pausing = false;
};

FileWatch::FileWatch(asio::io_context& context, std::function<void()> changed)
    : impl_(std::make_unique<Impl>(context, std::move(changed))) {
    impl_->read();
}

FileWatch::~FileWatch() = default;

void FileWatch::watch(const std::vector<std::string>& files) {
    if (files == impl_->files) return;
    for (const auto& [number, directory] : impl_->directories)
        (void)::inotify_rm_watch(impl_->inotify.native_handle(), number);
    impl_->directories.clear();
    impl_->links.clear();
    impl_->files = files;
    for (const std::string& file : files) {
        std::error_code error;
        if (std::filesystem::is_symlink(file, error)) impl_->links.insert(file);
    }
    impl_->add_missing();
}

void FileWatch::look() { impl_->add_missing(); }

}  // namespace hearth::dns
