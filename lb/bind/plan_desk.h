#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <boost/json/fwd.hpp>

#include "config/document.h"
#include "runtime/control_server.h"

namespace hearth::runtime {
class Daemon;
}

namespace hearth::lb {

// `POST /plan` with {"folder", "files": [{"path", "text"}]}: what would change if these were the
// document. Answered with what `preview` says of it, or 422 and what is wrong with it. The files
// come with the request: hearth-lb reads none that its caller may not. On the control thread;
// documents are read on a thread of its own, one at a time.
class PlanDesk {
public:
    using Preview = std::function<Result<boost::json::object>(const config::Document&)>;
    PlanDesk(runtime::Daemon& daemon, Preview preview);
    ~PlanDesk();

private:
    void plan(const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply);
    void finish(const std::shared_ptr<config::Document>& document,
                const runtime::ControlServer::Reply& reply);

    runtime::Daemon& daemon_;
    Preview preview_;
    std::atomic<bool> is_reading_ = false;
    std::thread reader_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::lb
