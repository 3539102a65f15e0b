#pragma once

#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/model/error_pages.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::proxy {

// The document's error pages, read again when their files change. One that cannot be read is a
// problem in the status, and the proxy's own page is shown. On the control loop.
class ErrorPageKeeper {
public:
    using OnChange = std::function<void(std::shared_ptr<const ErrorPages>)>;

    ErrorPageKeeper(runtime::EventLoop& loop, runtime::Problems& problems, OnChange on_change);

    // Reads them now, and tells.
    void follow(std::vector<ErrorPageFile> files);

private:
    using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;

    void read();
    void look_again();
    [[nodiscard]] std::vector<Stamp> stamps() const;

    runtime::Problems& problems_;
    OnChange on_change_;
    boost::asio::steady_timer timer_;
    std::vector<ErrorPageFile> files_;
    std::vector<Stamp> read_at_;
};

}  // namespace hearth::proxy
