#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proxy/io/certificate_store.h"
#include "runtime/leaf_feed.h"

namespace hearth::runtime {
class EventLoop;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::proxy {

// The document's certificates, and those of the local CA for names that they have not. Read again
// when their files change, so that whoever renews them need not tell us. What cannot be read, or
// ends soon, is a problem in the status. On the control loop.
class CertificateKeeper {
public:
    using OnChange = std::function<void(std::shared_ptr<const CertificateStore>)>;

    // `local`: where hearth-certs listens, and where its certificates are kept.
    CertificateKeeper(runtime::EventLoop& loop, runtime::Problems& problems,
                      runtime::LeafFeed::Options local, OnChange on_change);

    // Reads them now, and tells.
    void follow(std::vector<CertificateFiles> files, std::set<std::string> local_names,
                std::string own_host);

    // [{"certificate","names","issuer","not_after"}]
    [[nodiscard]] boost::json::array describe() const;
    void collect(runtime::MetricSink& sink) const;

private:
    void read();
    void look_again();
    [[nodiscard]] LoadedCertificates load_all() const;
    [[nodiscard]] CertificateStore::Home home() const;
    [[nodiscard]] std::vector<std::filesystem::file_time_type> times() const;
    void tell_refused(const std::vector<CertificateStore::Fault>& faults);
    void tell_ending();

    runtime::Problems& problems_;
    OnChange on_change_;
    boost::asio::steady_timer timer_;
    runtime::LeafFeed feed_;
    std::vector<CertificateFiles> files_;
    std::set<std::string> local_names_;
    std::string own_host_;
    std::vector<std::filesystem::file_time_type> read_at_;
    std::shared_ptr<const CertificateStore> store_ = std::make_shared<CertificateStore>();
};

}  // namespace hearth::proxy
