#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/io/tls_stream.h"
#include "runtime/leaf_feed.h"

namespace hearth::runtime {
class EventLoop;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::dns {

// The certificate that the document names, or that hearth-certs gives. Read again when its files
// change, so that whoever renews it need not tell us. One that cannot be used is a problem, and the
// one before goes on serving. On the control loop.
class CertificateWatch {
public:
    using OnChange = std::function<void(std::shared_ptr<const TlsIdentity>)>;

    // `local`: where hearth-certs listens, and where its certificate is kept.
    CertificateWatch(runtime::EventLoop& loop, runtime::Problems& problems,
                     runtime::LeafFeed::Options local, OnChange on_change);

    // Reads it now, and tells. `name`: what it is called at hearth-certs, with `local_ca`.
    void follow(const config::DnsTls& tls, const std::string& name);
    // To be called every now and then.
    void look();

    // Whose certificate serves; null: none does.
    [[nodiscard]] const TlsIdentity* identity() const noexcept { return identity_.get(); }
    [[nodiscard]] boost::json::object describe() const;
    void collect(runtime::MetricSink& sink) const;

private:
    void read();
    [[nodiscard]] std::vector<std::filesystem::file_time_type> times() const;
    void tell_end();

    runtime::Problems& problems_;
    OnChange on_change_;
    runtime::LeafFeed feed_;
    config::DnsTls files_;
    std::vector<std::filesystem::file_time_type> read_at_;
    std::shared_ptr<const TlsIdentity> identity_;
};

}  // namespace hearth::dns
