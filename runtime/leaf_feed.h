#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace hearth::runtime {

class EventLoop;
class Problems;

// The certificates that hearth-certs has for this daemon, taken as soon as they are there and kept
// as files of our own: a start without hearth-certs serves those of before.
//
//     <directory>/NAME.pem    a certificate and its key
//     <directory>/root.crt    what it was signed with, without a key
//
// On its loop.
class LeafFeed {
public:
    struct Options {
        std::filesystem::path socket;     // of hearth-certs
        std::filesystem::path directory;  // made when it is needed; 0700
        std::string consumer;             // "proxy": what /leaves is asked for
    };

    // `on_change`: files are new.
    LeafFeed(EventLoop& loop, Problems& problems, Options options, std::function<void()> on_change);
    ~LeafFeed();
    LeafFeed(const LeafFeed&) = delete;
    LeafFeed& operator=(const LeafFeed&) = delete;

    // Of these names; files of others go. None: it asks for nothing.
    void want(std::set<std::string> names);

    [[nodiscard]] std::filesystem::path path_of(const std::string& name) const;
    [[nodiscard]] std::filesystem::path root_path() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
