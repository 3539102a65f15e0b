#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "proxy/io/certificate_store.h"

namespace hearth::runtime {
class EventLoop;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::proxy {

// The document's certificates, read again when their files change, so that whoever renews them need
// not tell us. What cannot be read, or ends soon, is a problem in the status. On the control loop.
class CertificateKeeper {
public:
    using OnChange = std::function<void(std::shared_ptr<const CertificateStore>)>;

    CertificateKeeper(runtime::EventLoop& loop, runtime::Problems& problems, OnChange on_change);

    // Reads them now, and tells.
    void follow(std::vector<CertificateFiles> files);

    // [{"certificate","names","not_after"}]
    [[nodiscard]] boost::json::array describe() const;
    void collect(runtime::MetricSink& sink) const;

private:
    void read();
    void look_again();
    [[nodiscard]] std::vector<std::filesystem::file_time_type> times() const;
    void tell_problems(const std::vector<CertificateStore::Fault>& faults);

    runtime::Problems& problems_;
    OnChange on_change_;
    boost::asio::steady_timer timer_;
    std::vector<CertificateFiles> files_;
    std::vector<std::filesystem::file_time_type> read_at_;
    std::shared_ptr<const CertificateStore> store_ = std::make_shared<CertificateStore>();
};

}  // namespace hearth::proxy
